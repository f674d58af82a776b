"""A disk that is soon full."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


@contextmanager
def mounted_disk(megabytes: int) -> Iterator[Path]:
    """A file system of its own, of so many MB. Skips the test without the right to mount one."""
    place = Path(tempfile.mkdtemp(prefix="portrait-small-disk-"))
    mount = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(place)]
    if not shutil.which("mount") or subprocess.run(mount, check=False, capture_output=True).returncode:
        place.rmdir()
        pytest.skip("NOT RUN: a full disk needs the right to mount one (root)")
    try:
        yield place
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=False)
        place.rmdir()
