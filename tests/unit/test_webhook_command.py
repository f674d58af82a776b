"""The command that adds a webhook: to the file of keys, and its secret beside it."""

import io
from pathlib import Path

import pytest

from producers.keys import Source, hash_key, read_sources
from producers.keys.changes import add_source
from producers.keys.webhook import Webhook
from producers.webhooks.__main__ import main


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "portrait" / "keys.yaml"


def run(monkeypatch: pytest.MonkeyPatch, secret: str, *arguments: object) -> int:
    monkeypatch.setattr("sys.stdin", io.StringIO(secret))
    return main([str(each) for each in arguments])


def test_it_prints_the_access_key_and_keeps_the_secret_apart(
    file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "c5e0a1c9\n", "meta", file, "fan-page") == 0
    key = capsys.readouterr().out.strip()
    webhook = Webhook(platform="meta", secret_file="fan-page.secret", app_id=None)
    assert read_sources(file) == (Source("fan-page", hash_key(key), webhook=webhook),)
    secret = file.with_name("fan-page.secret")
    assert (secret.read_text(), secret.stat().st_mode & 0o777) == ("c5e0a1c9\n", 0o600)
    assert "c5e0a1c9" not in file.read_text()
    assert run(monkeypatch, "oa-secret", "zalo", file, "zalo-oa", "4312") == 0
    assert [source.webhook and source.webhook.app_id for source in read_sources(file)] == [None, "4312"]


def test_what_cannot_be_added_changes_nothing(
    file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    add_source(file, "till")
    before = file.read_text()
    for secret, arguments, told in (
        ("s", ("meta", file), "usage"),
        ("s", ("myspace", file, "a"), "'myspace' is no platform: meta, zalo, typeform, form are"),
        ("s", ("zalo", file, "a"), "give app_id"),
        ("s", ("zalo", file, "a", "the-secret"), "the id of the app has digits only"),
        ("", ("meta", file, "a"), "no secret"),
        ("s", ("meta", file, "till"), "already"),
        ("s", ("meta", file, "two words"), "is not a name"),
        ("s", ("meta", file, "../a"), "is not a name"),
        ("s", ("meta", file, "a" * 80), "is not a name"),
    ):
        assert run(monkeypatch, secret, *arguments) in (1, 2)
        assert told in capsys.readouterr().err
    assert file.read_text() == before
    assert sorted(path.name for path in file.parent.iterdir()) == ["keys.yaml", "keys.yaml.lock"]
    file.with_name("a.secret").write_text("kept")
    assert run(monkeypatch, "s", "meta", file, "a") == 1
    assert "delete it if no source" in capsys.readouterr().err
    assert file.with_name("a.secret").read_text() == "kept"
