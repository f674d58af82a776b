"""The command line: every command explains itself, and says what to do when it cannot do what it is asked."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from ops.cli import app, main
from ops.commands.importing import rejects_name
from ops.local.home import DATABASE_URL, KAFKA, Home, write_env

COMMANDS = {
    *(
        "up",
        "down",
        "status",
        "demo",
        "import",
        "watch",
        "topics",
        "customer",
        "verify",
        "rebuild",
        "bench",
        "migrate",
        "predict",
        "adopters",
    ),
    *(f"segments {name}" for name in ("ls", "check", "explain", "try", "preview")),
    *(f"account {name}" for name in ("assign", "unassign", "ls", "history")),
    *("map check", "map try"),
    *("rejected ls", "rejected show", "rejected replay"),
    *("rejected ls", "rejected show", "rejected replay", "rejected fix"),
    *("trace", "serve"),
    *(f"sources {name}" for name in ("ls", "add", "rotate", "disable", "enable")),
    *(f"identity {name}" for name in ("join", "never", "split", "block", "trust", "undo", "judgements", "suggest")),
    *(f"activate {name}" for name in ("ls", "pause", "resume", "rm", "test", "undelivered", "resend", "run")),
    *(f"activate add {name}" for name in ("webhook", "email", "csv")),
    *("identity review ls", "identity review accept", "identity review refuse"),
}


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A directory without a stack, and an environment that names none."""
    monkeypatch.chdir(tmp_path)
    for name in ("PORTRAIT_HOME", KAFKA, DATABASE_URL):
        monkeypatch.delenv(name, raising=False)


def leaves(command: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """The path of every command that is no group; Typer brings its own kind of groups."""
    inner = getattr(command, "commands", None)
    if inner is None:
        yield path
    else:
        for name in inner:
            yield from leaves(inner[name], (*path, name))


def run(arguments: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> tuple[int, str, str]:
    """Exit code, standard output, standard error."""
    monkeypatch.setattr("sys.argv", ["portrait", *arguments.split()])
    with pytest.raises(SystemExit) as ended:
        main()
    told = capsys.readouterr()
    return ended.value.code if isinstance(ended.value.code, int) else 0, told.out, told.err


def test_these_are_the_commands() -> None:
    assert {" ".join(path) for path in leaves(typer.main.get_command(app))} == COMMANDS


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_every_command_explains_itself_and_gives_an_example(command: str) -> None:
    told = CliRunner().invoke(app, [*command.split(), "--help"], env={"COLUMNS": "200"})
    assert told.exit_code == 0
    assert f"$ portrait {command}" in told.output
    assert "--home" in told.output


@pytest.mark.parametrize(
    "command",
    ["topics", "migrate", "verify", "customer 844", "rejected ls", "rebuild --yes", "activate ls", "activate run"],
)
def test_where_no_stack_is_known_a_command_says_how_to_name_one(
    command: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    code, out, err = run(command, capsys, monkeypatch)
    assert (code, out) == (1, "")
    assert "portrait up --detach" in err
    assert "Traceback" not in err
    assert not Path(".portrait").exists()


@pytest.mark.parametrize(
    "command",
    ["migrate", "verify", "customer 844", "rejected ls", "rejected show x/0/1", "activate pause x"],
)
def test_a_database_that_does_not_answer_is_named_without_its_password(
    command: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(DATABASE_URL, "postgresql://somebody:secret@127.0.0.1:9/nothing")
    code, out, err = run(command, capsys, monkeypatch)
    assert (code, out) == (1, "")
    assert "postgresql://somebody@127.0.0.1:9/nothing does not answer" in " ".join(err.split())
    assert "secret" not in err
    assert "Traceback" not in err


def test_status_says_that_nothing_runs(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    code, out, _ = run("status", capsys, monkeypatch)
    assert code == 0
    assert "Nothing runs in" in out
    assert "portrait up --detach`" in out


def test_status_of_another_home_says_how_that_one_is_started(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    code, out, _ = run(f"status --home {tmp_path}", capsys, monkeypatch)
    assert code == 0
    assert f"Nothing runs in {tmp_path}. Start it with `portrait up --detach --home {tmp_path}`." in out


def test_a_port_that_somebody_has_is_named_before_anything_is_served(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        said = run(f"serve --home {tmp_path} --port {port}", capsys, monkeypatch)
    assert said == (1, "", f"portrait: port {port} is in use by another program; choose another one with --port\n")


def test_down_where_nothing_runs_is_no_error(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    code, out, err = run("down", capsys, monkeypatch)
    assert (code, err) == (0, "")
    assert "Nothing runs in" in out


def test_the_home_of_an_option_goes_before_that_of_the_environment(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PORTRAIT_HOME", str(tmp_path / "from-environment"))
    assert str(tmp_path / "from-environment") in run("down", capsys, monkeypatch)[1].replace("\n", "")
    assert str(tmp_path / "option") in run(f"down --home {tmp_path}/option", capsys, monkeypatch)[1].replace("\n", "")


def test_a_damaged_env_file_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    home = Home.open(tmp_path / "home")
    write_env(home.env_file, {KAFKA: "127.0.0.1:9"})
    home.env_file.write_text("what is this\n")
    code, _, err = run(f"topics --home {home.path}", capsys, monkeypatch)
    assert code == 1
    assert "portrait.env, line 1: expected KEY=value" in err.replace("\n", "")


def test_an_import_of_an_unknown_kind_says_which_are_known(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "people.csv").write_text("name\nAn\n")
    code, _, err = run(f"import nonsense {tmp_path}/people.csv", capsys, monkeypatch)
    assert code == 1
    assert "built-in are cdnow, contacts, loyalty_scans" in err.replace("\n", " ")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("rejected replay", "name the ORIGINs to send again, or say which: --reason, --source, --since"),
        ("rejected replay a b --edit", "--file and --edit repair one event"),
        ("rejected ls --since yesterday", "give 30m, 2h, 3d or 1w, or a date"),
    ],
)
def test_arguments_that_do_not_fit_together_are_explained(
    arguments: str, said: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(DATABASE_URL, "postgresql://127.0.0.1:9/nothing")
    monkeypatch.setenv(KAFKA, "127.0.0.1:9")
    code, _, err = run(arguments, capsys, monkeypatch)
    assert code == 1
    assert said in " ".join(err.split())


def test_what_is_rejected_of_two_files_of_one_name_is_kept_in_two_files(tmp_path: Path) -> None:
    names = {
        rejects_name(tmp_path / folder / "x.csv", mapping, "/import/scans")
        for folder in ("a", "b")
        for mapping in ("one", "other")
    }
    assert len(names) == 4
    assert all(name.startswith("x.csv.") and name.endswith(".rejected.jsonl") for name in names)
