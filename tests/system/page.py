"""A page of the docs, run as a reader would: its blocks as they stand, one after the other, in one shell."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from tests.system.command import Portrait

_BLOCK = re.compile(r"^```(sh|python)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


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
    portrait = Portrait(place / ".portrait")
    environment = portrait.environment() | environ
    del environment["PORTRAIT_HOME"]  # pages rely on the default
    environment["PATH"] = f"{place / 'bin'}:{environment['PATH']}"
    try:
        done = subprocess.run(
            ["bash", "-c", before + script(page)],
            cwd=place,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=400,
        )
    finally:
        portrait.run("down")
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
