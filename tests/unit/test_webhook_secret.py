"""Files of the secrets that platforms sign with: read when they change, never shown."""

import os
import resource
from pathlib import Path

import pytest

from producers.webhooks.secret import SecretFiles, SecretUnreadable


@pytest.fixture
def file(tmp_path: Path) -> Path:
    written = tmp_path / "meta.secret"
    write(written, "the first one\n")
    return written


def write(file: Path, text: str, mode: int = 0o600) -> None:
    """As a careful person replaces a file: the new one takes its place at once."""
    new = file.with_suffix(".new")
    new.write_text(text)
    new.chmod(mode)
    os.replace(new, file)


def test_each_line_is_a_secret_and_a_change_is_seen(file: Path) -> None:
    files = SecretFiles(file.parent)
    assert files.read(file.name) == (b"the first one",)
    write(file, "the second one\n\n  the first one \n")
    assert files.read(file.name) == (b"the second one", b"the first one")


@pytest.mark.parametrize(
    ("text", "mode", "problem"),
    [
        ("sesame\n", 0o640, "may be read by others"),
        ("sesame\n", 0o604, "may be read by others"),
        ("\n \n", 0o600, "is empty"),
        ("sesame" * 1_000, 0o600, "is too large for a secret"),
    ],
)
def test_a_secret_that_cannot_be_used_is_explained_once_and_never_shown(
    file: Path, text: str, mode: int, problem: str, caplog: pytest.LogCaptureFixture
) -> None:
    write(file, text, mode)
    files = SecretFiles(file.parent)
    for _ in range(2):
        with pytest.raises(SecretUnreadable, match=problem):
            files.read(file.name)
    assert [record.levelname for record in caplog.records] == ["ERROR"]
    assert "sesame" not in caplog.text


def test_a_secret_that_is_missing_is_found_when_it_comes(file: Path, caplog: pytest.LogCaptureFixture) -> None:
    file.unlink()
    files = SecretFiles(file.parent)
    with pytest.raises(SecretUnreadable, match="there is no such file"):
        files.read(file.name)
    write(file, "at last")
    assert files.read(file.name) == (b"at last",)
    file.unlink()
    with pytest.raises(SecretUnreadable, match="there is no such file"):
        files.read(file.name)


def test_a_secret_that_could_not_be_opened_for_a_moment_is_read_the_next_time(
    file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    files = SecretFiles(file.parent)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, hard))
    try:
        for _ in range(2):
            with pytest.raises(SecretUnreadable, match="Too many open files"):
                files.read(file.name)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert files.read(file.name) == (b"the first one",)
    assert [record.levelname for record in caplog.records if record.levelname == "ERROR"] == ["ERROR"]


def test_the_mark_that_windows_puts_before_a_text_is_no_part_of_the_secret(file: Path) -> None:
    write(file, "\ufeffthe first one\r\nthe second one\r\n")
    assert SecretFiles(file.parent).read(file.name) == (b"the first one", b"the second one")
