"""Where the bench ran: figures without their machine say nothing."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import psutil

from ops.bench.results import Machine
from ops.local.jars import pinned_jars
from ops.local.postgres import find_binaries

PACKAGES = (
    "faust-streaming",
    "aiokafka",
    "kafka-python",
    "pydantic",
    "msgspec",
    "psycopg2-binary",
    "fastapi",
    "uvicorn",
)


def look_at_machine(place: Path) -> Machine:
    """This machine, as it is now; `place` is where data will lie. Raises LocalStackError."""
    return Machine(
        cpu=_cpu(),
        cores=os.cpu_count() or 1,
        memory_gb=round(psutil.virtual_memory().total / 1e9, 1),
        system=f"{platform.system()} {platform.release()}",
        disk=_file_system(place.resolve()),
        python=platform.python_version(),
        kafka=_kafka(),
        postgres=_postgres(),
        packages={name: version(name) for name in PACKAGES},
        load=round(os.getloadavg()[0], 2),
    )


def revision() -> str:
    """The commit that is measured, with + when files differ from it; empty where there is no git."""
    told = subprocess.run(
        ["git", "describe", "--always", "--dirty=+", "--abbrev=10", "--exclude=*"],
        cwd=Path(__file__).parent,
        capture_output=True,
        text=True,
        check=False,
    )
    return told.stdout.strip()


def command() -> str:
    """How this program was started."""
    program = Path(sys.argv[0])
    module = program.name == "__main__.py"
    return " ".join([f"python -m {'.'.join(program.parent.parts[-2:])}" if module else program.name, *sys.argv[1:]])


def now() -> datetime:
    """The time, to the second."""
    return datetime.now(UTC).replace(microsecond=0)


def _cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.machine())


def _file_system(place: Path) -> str:
    mounts = {Path(mount.mountpoint): mount.fstype for mount in psutil.disk_partitions(all=True)}
    return next((mounts[path] for path in (place, *place.parents) if path in mounts), "unknown")


def _kafka() -> str:
    wanted = "org.apache.kafka:kafka-clients:"
    return next((name.removeprefix(wanted) for name in pinned_jars() if name.startswith(wanted)), "unknown")


def _postgres() -> str:
    told = subprocess.run([find_binaries().bin / "postgres", "--version"], capture_output=True, text=True, check=True)
    return told.stdout.split()[-1]
