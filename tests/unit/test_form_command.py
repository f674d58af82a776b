"""The commands that add forms to the file of keys."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from producers.forms.__main__ import main as add_page_form
from producers.keys import KeyFile, hash_key, read_sources
from producers.keys.changes import add_source
from producers.keys.page_form import PageForm
from producers.keys.webhook import Webhook
from producers.webhooks.__main__ import main as add_webhook


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "keys.yaml"


def test_a_form_service_shows_a_key_or_signs_and_has_a_mapping(
    file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("the secret\n"))
    assert add_webhook(["form", str(file), "khoa-hoc"]) == 0
    key = capsys.readouterr().out.strip()
    assert add_webhook(["typeform", str(file), "tu-van"]) == 0
    shown, signed = read_sources(file)
    assert (shown.key_sha256, shown.webhook) == (hash_key(key), Webhook(platform="form", mapping="khoa-hoc.yaml"))
    assert signed.webhook == Webhook(platform="typeform", secret_file="tu-van.secret", mapping="tu-van.yaml")
    assert file.with_name("tu-van.secret").read_text() == "the secret\n"
    assert not file.with_name("khoa-hoc.secret").exists()
    assert KeyFile(file).find(key) is None, "it opens the webhook only"


def test_a_form_on_a_page_is_public_and_stays_what_it_is(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    thanks = "https://cuahang.example/cam-on?tu=lien-he"
    assert add_page_form([str(file), "lien-he", thanks]) == 0
    assert capsys.readouterr().out == "/v1/forms/lien-he\n"
    file.with_name("ban-tin.yaml").write_text("questions: fields\n")
    assert add_page_form([str(file), "ban-tin", thanks, "ban-tin.yaml"]) == 0
    add_source(file, "another")
    contact, newsletter, _ = read_sources(file)
    assert (contact.public, contact.form) == (True, PageForm(thanks=thanks))
    assert newsletter.form == PageForm(thanks=thanks, mapping="ban-tin.yaml")


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        ((), 2, "usage"),
        (("a",), 2, "usage"),
        (("a", "cam-on"), 1, "'cam-on' is not an address such as"),
        (("a", "javascript:alert(1)"), 1, "is not an address such as"),
        (("a", "https://x.example/\r\nSet-Cookie: a=b"), 1, "is not an address such as"),
        (("a", "https://me@x.example/"), 1, "is not an address such as"),
        (("a", "https://cửahàng.example/"), 1, "as browsers copy it"),
        (("a", "https://x.example/cảm-ơn"), 1, "as browsers copy it"),
        (("a", "https://x.example\\.y.example/"), 1, "is not an address such as"),
        (("a", "https://x.example/", "absent.yaml"), 1, "absent.yaml: No such file"),
        (("a", "https://x.example/", "../a.yaml"), 1, "'../a.yaml' is not the name of a file"),
        (("two words", "https://x.example/"), 1, "is not a name"),
        (("till", "https://x.example/"), 1, "there is a source 'till' already"),
    ],
)
def test_what_cannot_be_added_changes_nothing(
    file: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], code: int, told: str
) -> None:
    add_source(file, "till")
    before = file.read_text()
    assert add_page_form([str(file), *arguments]) == code
    assert told in capsys.readouterr().err
    assert file.read_text() == before
