"""Access keys: made, kept as digests, found, and read again when the file changes."""

import hashlib
import os
import resource
import threading
from pathlib import Path

import pytest

import producers.keys.file
from producers.keys import KeyFile, KeysError, Source, find_source, hash_key, make_key, read_sources
from producers.keys.__main__ import main
from producers.keys.changes import add_source, disable
from producers.keys.webhook import Webhook
from producers.request.access import authenticate, recognise
from producers.request.problems import Problem


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "portrait" / "keys.yaml"


def test_a_key_is_256_random_bits_and_the_file_holds_its_digest_alone(file: Path) -> None:
    key = add_source(file, "web-shop", ["/web/*"])
    assert len(key) == 43
    assert key not in file.read_text()
    assert read_sources(file) == (Source("web-shop", hashlib.sha256(key.encode()).hexdigest(), ("/web/*",)),)
    assert file.stat().st_mode & 0o777 == 0o600


def test_a_limit_is_read_and_kept_when_another_source_is_added(file: Path) -> None:
    add_source(file, "noisy")
    file.write_text(file.read_text() + "  events_per_second: 500\n")
    add_source(file, "other")
    assert [source.events_per_second for source in read_sources(file)] == [500, None]


def test_a_prefix_is_read_and_kept_and_is_one_word(file: Path) -> None:
    add_source(file, "outlet")
    file.write_text(file.read_text() + "  user_id_prefix: outlet\n")
    add_source(file, "other")
    assert [source.user_id_prefix for source in read_sources(file)] == ["outlet", None]
    file.write_text(file.read_text().replace(": outlet", ": 'out-let'"))
    with pytest.raises(KeysError, match="user_id_prefix"):
        read_sources(file)


def test_a_webhook_stays_one_when_another_source_is_added_and_its_key_opens_no_other_door(file: Path) -> None:
    webhook = Webhook(platform="zalo", secret_file="zalo.secret", app_id="431234567890123456")
    key = add_source(file, "zalo-oa", webhook=webhook)
    other = add_source(file, "till")
    assert read_sources(file) == (Source("zalo-oa", hash_key(key), webhook=webhook), Source("till", hash_key(other)))
    known = KeyFile(file)
    assert known.named("zalo-oa") == read_sources(file)[0]
    assert known.named("nobody") is None
    assert known.find(key) is None
    assert recognise(f"Bearer {key}", known) is None


@pytest.mark.parametrize(
    ("entry", "problem"),
    [
        ("{platform: meta}", "meta signs what it sends: give secret_file"),
        ("{platform: zalo, secret_file: zalo.secret}", "zalo signs the id of the app along: give app_id"),
        ("{platform: myspace, secret_file: a}", r"webhook\.platform: Input should be"),
        ("{platform: meta, secret_file: ../meta}", r"webhook\.secret_file: String should match"),
        ("{platform: meta, secret_file: a, secret: b}", r"webhook\.secret: Extra inputs"),
    ],
)
def test_a_webhook_that_is_wrong_is_explained(file: Path, entry: str, problem: str) -> None:
    file.parent.mkdir()
    file.write_text(f"sources: [{{name: a, key_sha256: '{'0' * 64}', webhook: {entry}}}]")
    with pytest.raises(KeysError, match=problem):
        read_sources(file)


def test_a_public_source_stays_public_when_another_is_added(file: Path) -> None:
    first, second = add_source(file, "shop", public=True), add_source(file, "till")
    assert read_sources(file) == (Source("shop", hash_key(first), public=True), Source("till", hash_key(second)))


def test_a_public_key_opens_no_door_but_that_of_the_segment_api(file: Path) -> None:
    key = add_source(file, "shop", public=True)
    with pytest.raises(Problem) as caught:
        authenticate(f"Bearer {key}", KeyFile(file))
    assert (caught.value.status, caught.value.code) == (403, "public_key")
    assert recognise(f"Bearer {key}", KeyFile(file)) == (read_sources(file)[0], key)


def test_adding_keeps_the_others(file: Path) -> None:
    first, second = add_source(file, "a"), add_source(file, "b", ["/till/*"])
    assert read_sources(file) == (Source("a", hash_key(first)), Source("b", hash_key(second), ("/till/*",)))


def test_keys_added_at_the_same_time_are_all_there(file: Path) -> None:
    threads = [threading.Thread(target=add_source, args=(file, f"s{n}")) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(source.name for source in read_sources(file)) == [f"s{n}" for n in range(8)]


@pytest.mark.parametrize("name", ["", "-", "two words", "a" * 65, "name\n", 'x"'])
def test_a_name_is_a_plain_word(file: Path, name: str) -> None:
    with pytest.raises(KeysError, match="is not a name"):
        add_source(file, name)


def test_a_name_is_given_once(file: Path) -> None:
    add_source(file, "a")
    with pytest.raises(KeysError, match="there is a source 'a' already"):
        add_source(file, "a")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("sources: [", "is not YAML"),
        ("sources: 2026-13-32", "is not YAML"),
        ("- a", "the file: Input should be"),
        ("sources: [{name: a}]", r"sources\.0\.key_sha256: Field required"),
        ("sources: [{name: a, key_sha256: abc}]", r"sources\.0\.key_sha256: String should match"),
        (f"sources: [{{name: a, key_sha256: '{'0' * 64}', alow: ['*']}}]", r"sources\.0\.alow: Extra inputs"),
        (f"sources: [{{name: a, key_sha256: '{'0' * 64}'}}, {{name: a, key_sha256: '{'1' * 64}'}}]", "the same name"),
    ],
)
def test_a_file_that_is_wrong_is_explained(file: Path, text: str, problem: str) -> None:
    file.parent.mkdir()
    file.write_text(text)
    with pytest.raises(KeysError, match=problem):
        read_sources(file)


def test_an_empty_file_knows_nobody(file: Path) -> None:
    file.parent.mkdir()
    file.write_text("")
    assert read_sources(file) == ()


def test_a_key_names_its_source_unless_disabled() -> None:
    on, off = make_key(), make_key()
    sources = (Source("on", hash_key(on)), Source("off", hash_key(off), disabled=True))
    assert find_source(sources, on) == sources[0]
    assert find_source(sources, off) is None
    assert find_source(sources, on + "x") is None
    assert find_source(sources, "") is None


@pytest.mark.parametrize(
    ("allow", "source", "allowed"),
    [
        (("*",), "anything", True),
        (("/web/*",), "/web/shop/form", True),
        (("/web/*",), "/loyalty/web/1", False),
        (("/a", "/till-[0-9]"), "/till-3", True),
        (("/a",), "/ab", False),
        (("/A",), "/a", False),
    ],
)
def test_a_source_may_send_what_its_globs_allow(allow: tuple[str, ...], source: str, allowed: bool) -> None:
    assert Source("s", "0" * 64, allow).may_send(source) is allowed


def test_a_changed_file_is_read_again_and_a_broken_one_ignored(
    file: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(producers.keys.file, "_LOOK_AGAIN_SECONDS", 0.0)
    first = add_source(file, "first")
    known = KeyFile(file)
    second = add_source(file, "second")
    assert [known.find(key) and known.find(key).name for key in (first, second)] == ["first", "second"]  # type: ignore[union-attr]
    file.write_text("sources: 7")
    os.utime(file, ns=(1, 1))
    assert known.find(second) is not None
    assert "the keys stay as they were" in caplog.text
    file.unlink()
    assert known.find(first) is not None


@pytest.mark.parametrize("begun", ["", "# who may send\n", "---\n"])
def test_a_file_that_is_being_written_shuts_nobody_out(
    file: Path, begun: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """As scp, or an editor, leaves it for a moment: who is answered 401 meanwhile may throw away what it sent."""
    monkeypatch.setattr(producers.keys.file, "_LOOK_AGAIN_SECONDS", 0.0)
    key = add_source(file, "till")
    known, whole = KeyFile(file), file.read_text()
    for text, named in ((begun, "till"), (whole, "till"), ("sources: []", None)):
        file.write_text(text)
        found = known.find(key)
        assert (found.name if found else None) == named
    assert [each.message for each in caplog.records if each.levelname == "ERROR"] == [
        f"the keys stay as they were: {file} is empty; if nobody is to send any more, write `sources: []` into it"
    ]


def test_a_source_that_is_shut_out_while_too_many_files_are_open_is_shut_out_when_one_is_closed(
    file: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(producers.keys.file, "_LOOK_AGAIN_SECONDS", 0.0)
    stolen, other = add_source(file, "flooding"), add_source(file, "other")
    known = KeyFile(file)
    disable(file, "flooding", True)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, hard))
    try:
        assert [known.find(other) is not None for _ in range(3)] == [True] * 3
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert known.find(stolen) is None
    assert known.find(other) is not None
    assert [each.message for each in caplog.records if each.levelname == "ERROR"] == [
        f"the keys stay as they were: {file}: Too many open files"
    ]


@pytest.mark.parametrize(
    ("form", "accepted"),
    [
        ("Bearer {key}", True),
        ("bearer   {key} ", True),
        ("Basic {basic:{key}}", True),
        ("Basic {basic:{key}:}", True),
        ("Basic {basic::{key}}", True),
        ("Basic {basic:user:{key}}", True),
        ("basic {basic:{key}:x}", True),
        ("Basic {basic::}", False),
        ("Basic ???", False),
        ("Basic /w==", False),
        ("Bearer", False),
        ("Bearer {key}x", False),
        ("Digest {key}", False),
        ("{key}", False),
        ("", False),
    ],
)
def test_a_key_comes_as_bearer_or_basic(file: Path, form: str, accepted: bool) -> None:
    key = add_source(file, "web")
    header = form.replace("{key}", key)
    if "{basic:" in header:
        import base64

        begin, rest = header.split("{basic:", 1)
        header = begin + base64.b64encode(rest.removesuffix("}").encode()).decode()
    if accepted:
        assert authenticate(header, KeyFile(file)).name == "web"
    else:
        with pytest.raises(Problem) as caught:
            authenticate(header, KeyFile(file))
        assert (caught.value.status, caught.value.code) == (401, "unauthorized")
        assert key not in caught.value.message


def test_the_command_prints_the_key_once(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(file), "till", "/till/*"]) == 0
    key, told = (each.strip() for each in capsys.readouterr())
    assert told == f"{file} is a new file of keys: a collector reads the one that its PORTRAIT_KEYS names"
    assert read_sources(file) == (Source("till", hash_key(key), ("/till/*",)),)
    assert main(["--public", str(file), "shop"]) == 0
    key, told = (each.strip() for each in capsys.readouterr())
    assert told == ""
    assert read_sources(file)[1:] == (Source("shop", hash_key(key), public=True),)
    assert main([str(file), "till"]) == 1
    assert main([str(file)]) == 2
