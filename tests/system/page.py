"""A page of the docs, run as a reader would: its blocks as they stand, one after the other, in one shell."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

from ops.local.postgres import find_binaries
from tests.system.command import Portrait

_BLOCK = re.compile(r"^```(sh|python)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def put_commands(place: Path) -> Path:
    """`place`, with a `bin` in which the commands are that pages take for granted."""
    programs = place / "bin"
    programs.mkdir()
    (programs / "portrait").write_text(f'#!/bin/sh\nexec "{sys.executable}" -m ops.cli "$@"\n')
    (programs / "python").write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    for program in programs.iterdir():
        program.chmod(0o755)
    if shutil.which("psql") is None:
        (programs / "psql").symlink_to(find_binaries().bin / "psql")
    return place


def script(page: str) -> str:
    """All blocks as one program for bash. Before each it waits, as a reader does, until the last one has had its effect."""
    settled = "for _ in $(seq 300); do portrait status --json | grep -q '\"caught_up\": true' && break; sleep 0.2; done"
    parts = ["set -euo pipefail"]
    for number, (language, block) in enumerate(_BLOCK.findall(page), 1):
        run = block if language == "sh" else f"python - <<'PYTHON'\n{block}PYTHON\n"
        parts += [f"echo '--- block {number}'", run if number == 1 or "portrait down" in block else f"{settled}\n{run}"]
    return "\n".join(parts)


def run_page(page: str, place: Path, before: str = "", **environ: str) -> str:
    """Run all blocks of `page` in `place`, after the commands `before`; what they print. Stops the stack that they start."""
    try:
        return run_blocks(page, place, before, **environ)
    finally:
        Portrait(place / ".portrait").run("down")


def run_blocks(page: str, place: Path, before: str = "", **environ: str) -> str:
    """The same, of a page for a stack that is up in `place`, and stays up."""
    environment = Portrait(place / ".portrait").environment() | environ
    del environment["PORTRAIT_HOME"]  # pages rely on the default
    environment["PATH"] = f"{place / 'bin'}:{environment['PATH']}"
    done = subprocess.run(
        ["bash", "-c", before + script(page)],
        cwd=place,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=400,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
