"""Forms at a collector as a process, against a real Kafka: what services and browsers see, and what arrives."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import msgspec
import pytest
import yaml

from producers.keys.changes import add_source
from schemas.rejected import DeadLetter
from schemas.topics import RAW_NAMES, REJECTED
from tests.form_samples import GOOGLE, TYPEFORM, TYPEFORM_MAPPING, wire
from tests.integration.running_collector import RunningCollector, free_port, running_collector
from tests.topic_reader import records

pytestmark = pytest.mark.integration

SECRET = "bí-mật-của-cửa-hàng".encode()
THANKS, SORRY = "https://cuahang.example/cam-on", "https://cuahang.example/xin-loi?form=lien-he"
GOOGLE_MAPPING = """\
questions: google_forms
data:
  form: {id: khoa-hoc, kind: registration}
  customer: {full_name: "{Họ và tên}", phone: "{Số điện thoại}", email: "{email}"}
"""


def prepared(home: Path) -> dict[str, str]:
    """A file of keys with forms in it, and what these need; the keys, by name."""
    keys = home / "keys.yaml"
    settings: dict[str, dict[str, Any]] = {
        "tu-van": {"webhook": {"platform": "typeform", "secret_file": "tu-van.secret", "mapping": "tu-van.yaml"}},
        "khoa-hoc": {"webhook": {"platform": "form", "mapping": "khoa-hoc.yaml"}},
        "no-mapping": {"webhook": {"platform": "form", "mapping": "absent.yaml"}},
        "lien-he": {"public": True, "form": {"thanks": THANKS, "sorry": SORRY, "a_minute": 1000}},
        "ban-tin": {"form": {"thanks": THANKS, "a_minute": 1000, "honeypot": "website", "believe_consent": True}},
        "few": {"form": {"thanks": THANKS, "a_minute": 3}},
        "pages": {"public": True},
    }
    made = {name: add_source(keys, name) for name in settings}
    entries = yaml.safe_load(keys.read_text(encoding="utf-8"))
    for entry in entries["sources"]:
        entry |= settings[entry["name"]]
    keys.write_text(yaml.safe_dump(entries, allow_unicode=True), encoding="utf-8")
    (home / "tu-van.yaml").write_text(TYPEFORM_MAPPING, encoding="utf-8")
    (home / "khoa-hoc.yaml").write_text(GOOGLE_MAPPING, encoding="utf-8")
    (home / "tu-van.secret").write_bytes(SECRET)
    (home / "tu-van.secret").chmod(0o600)
    return made


class Forms:
    """A collector with forms: a client without a key, the keys by name, and what is in Kafka."""

    def __init__(self, kafka: str, collector: RunningCollector, keys: dict[str, str]) -> None:
        self.kafka = kafka
        self.keys = keys
        self.collector = collector
        self.http = httpx.Client(base_url=collector.url, timeout=20)

    def arrived(self, mark: str) -> list[dict[str, Any]]:
        """The events in which `mark` stands."""
        found = [record.value.decode() for record in records(self.kafka, *RAW_NAMES)]
        return [json.loads(value) for value in found if mark in value]

    def letters(self, mark: str) -> list[DeadLetter]:
        found = [msgspec.json.decode(record.value, type=DeadLetter) for record in records(self.kafka, REJECTED)]
        return [letter for letter in found if mark.encode() in letter.payload_bytes()]

    def typeform(self, body: bytes, **headers: str) -> httpx.Response:
        return self.http.post("/v1/hooks/tu-van", content=body, headers={"Content-Type": "application/json"} | headers)


@pytest.fixture(scope="module")
def forms(kafka: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Forms]:
    home = tmp_path_factory.mktemp("forms")
    keys = prepared(home)
    with running_collector(kafka, home) as running:
        made = Forms(kafka, running, keys)
        yield made
        made.http.close()


def signed(body: bytes, secret: bytes = SECRET) -> str:
    return "sha256=" + base64.b64encode(hmac.digest(secret, body, "sha256")).decode()


def marked() -> tuple[str, dict[str, Any]]:
    """A submission at Typeform that can be told from all others."""
    mark = uuid4().hex
    return mark, TYPEFORM | {"form_response": TYPEFORM["form_response"] | {"token": mark}}


def test_a_signed_submission_is_in_kafka_when_it_is_answered(forms: Forms) -> None:
    mark, sent = marked()
    for body in (wire(sent), wire(sent), json.dumps(sent, ensure_ascii=False).encode()):
        answered = forms.typeform(body, **{"Typeform-Signature": signed(body)})
        assert (answered.status_code, answered.json()) == (200, {"accepted": 1, "rejected": [], "left_out": 0})
    events = forms.arrived(mark)
    assert [(event["id"], event["source"]) for event in events] == [(mark, "/forms/tu-van")] * 3
    for event in events:
        assert event["data"]["customer"]["full_name"] == "Trần Văn Ốc"
        assert event["data"]["answers"]["Cửa hàng nào gần bạn?"] == "Nguyễn Huệ"
        assert event["data"]["webhook"]["body"] == sent


def test_what_is_not_signed_reaches_nothing(forms: Forms) -> None:
    mark, sent = marked()
    body = wire(sent)
    again = json.dumps(json.loads(body), ensure_ascii=False).encode()
    for shown in ({}, {"Typeform-Signature": signed(body, b"another")}, {"Typeform-Signature": signed(again)}):
        answered = forms.typeform(body, **shown)
        assert (answered.status_code, answered.json()["code"]) == (401, "bad_signature")
    assert forms.typeform(body, Authorization=f"Bearer {forms.keys['tu-van']}").status_code == 401
    assert (forms.arrived(mark), forms.letters(mark)) == ([], [])


def test_any_other_service_shows_the_key(forms: Forms) -> None:
    mark, key = uuid4().hex, forms.keys["khoa-hoc"]
    body = GOOGLE | {"response_id": mark}
    for headers in ({"Authorization": f"Bearer {key}"}, {"X-Portrait-Key": key}):
        assert forms.http.post("/v1/hooks/khoa-hoc", json=body, headers=headers).status_code == 200
    for headers in (
        {},
        {"X-Portrait-Key": forms.keys["tu-van"]},
        {"X-Portrait-Key": hashlib.sha256(key.encode()).hexdigest()},
    ):
        answered = forms.http.post("/v1/hooks/khoa-hoc", json=body, headers=headers)
        assert (answered.status_code, answered.json()["code"]) == (401, "unauthorized")
        assert "X-Portrait-Key" in answered.json()["message"], "it says what is missing: there is nothing to sign"
    one, two = forms.arrived(mark)
    assert (one["id"], one["data"]["customer"]["phone"]) == (two["id"], "0912 304 556")
    assert key not in json.dumps([one, two])


def test_a_mapping_that_cannot_be_read_is_waited_for(forms: Forms) -> None:
    headers = {"X-Portrait-Key": forms.keys["no-mapping"]}
    absent = forms.collector.keys.parent / "absent.yaml"
    answered = forms.http.post("/v1/hooks/no-mapping", json=GOOGLE, headers=headers)
    assert (answered.status_code, answered.headers["retry-after"]) == (503, "2")
    assert "absent.yaml: No such file" in forms.collector.log.read_text()
    new = absent.with_suffix(".new")
    new.write_text(GOOGLE_MAPPING, encoding="utf-8")
    os.replace(new, absent)
    assert forms.http.post("/v1/hooks/no-mapping", json=GOOGLE, headers=headers).status_code == 200


def test_a_submission_without_anybody_is_kept_and_the_service_is_not_asked_again(forms: Forms) -> None:
    mark = uuid4().hex
    answered = forms.http.post(
        "/v1/hooks/khoa-hoc",
        json={"response_id": mark, "answers": []},
        headers={"X-Portrait-Key": forms.keys["khoa-hoc"]},
    )
    assert answered.status_code == 200
    assert [(each["id"], each["code"]) for each in answered.json()["rejected"]] == [(mark, "no_identifier")]
    (letter,) = forms.letters(mark)
    assert (letter.event_id, letter.topic, letter.source) == (mark, "events.web", "/forms/khoa-hoc")


def sent(forms: Forms, name: str, fields: dict[str, Any], **headers: str) -> tuple[int, str | None]:
    answered = forms.http.post(f"/v1/forms/{name}", data=fields, headers=headers)
    return answered.status_code, answered.headers.get("location")


def test_a_form_on_a_page_is_in_kafka_when_the_browser_is_sent_on(forms: Forms) -> None:
    mark = uuid4().hex
    fields = {
        "name": "Nguyễn Thị Lan",
        "email": "lan@example.com",
        "phone": "0912 304 556",
        "message": f"Cho tôi hỏi giá sỉ. {mark}",
        "consent": ["email", "zalo"],
        "card_no": "8934",
        "redirect": "https://evil.example/",
        "_id": "visit-1",
        "_page": "https://cuahang.example/lien-he",
        "utm_source": "zalo",
    }
    assert sent(forms, "lien-he", fields) == (303, THANKS)
    (event,) = forms.arrived(mark)
    assert (event["source"], event["type"]) == ("/forms/lien-he", "web.form_submitted.v1")
    post = event["data"].pop("post")
    assert post["fields"] == fields
    assert event["data"] == {
        "form": {"id": "lien-he", "kind": "contact"},
        "customer": {"full_name": "Nguyễn Thị Lan", "email": "lan@example.com", "phone": "0912 304 556"},
        "page": {"url": "https://cuahang.example/lien-he", "utm": {"source": "zalo"}},
        "answers": {
            "message": f"Cho tôi hỏi giá sỉ. {mark}",
            "consent": ["email", "zalo"],
            "card_no": "8934",
            "redirect": "https://evil.example/",
        },
    }


def test_what_is_sent_twice_counts_once_and_what_is_changed_counts(forms: Forms) -> None:
    mark = uuid4().hex
    one = {"email": "lan@example.com", "message": mark, "_id": "visit-2"}
    for fields in (one, one, one | {"message": f"{mark} thêm"}, one | {"_id": "visit-3"}):
        assert sent(forms, "lien-he", fields) == (303, THANKS)
    ids = [event["id"] for event in forms.arrived(mark)]
    assert len(ids) == 4
    assert len(set(ids)) == 3


def test_a_form_may_be_multipart_and_named_by_its_key(forms: Forms) -> None:
    mark = uuid4().hex
    body = {"email": (None, "lan@example.com"), "lời nhắn": (None, f"Đặt bàn {mark}")}
    answered = forms.http.post(f"/v1/forms/{forms.keys['lien-he']}", files=body)
    assert (answered.status_code, answered.headers["location"]) == (303, THANKS)
    (event,) = forms.arrived(mark)
    assert event["data"]["answers"] == {"lời nhắn": f"Đặt bàn {mark}"}
    answered = forms.http.post("/v1/forms/lien-he", files=body | {"cv": ("cv.pdf", b"%PDF")})
    assert (answered.status_code, answered.json()["code"]) == (415, "no_files")


def test_consent_is_believed_only_where_the_shop_says_so(forms: Forms) -> None:
    mark = uuid4().hex
    assert sent(forms, "ban-tin", {"email": "lan@example.com", "consent": "email", "note": mark}) == (303, THANKS)
    (event,) = forms.arrived(mark)
    assert event["data"]["customer"] == {"email": "lan@example.com", "consent": {"email": True}}


def test_who_fills_in_the_honeypot_is_thanked_and_not_kept(forms: Forms) -> None:
    mark = uuid4().hex
    fields = {"email": "bot@example.com", "message": mark}
    assert sent(forms, "ban-tin", fields | {"website": "https://spam.example"}) == (303, THANKS)
    assert sent(forms, "lien-he", fields | {"_gotcha": "x"}) == (303, THANKS)
    assert (forms.arrived(mark), forms.letters(mark)) == ([], [])
    assert 'portrait_collector_left_out_total{source="ban-tin",what="honeypot"} 1.0' in forms.http.get("/metrics").text
    assert sent(forms, "ban-tin", fields | {"website": " "}) == (303, THANKS)
    (event,) = forms.arrived(mark)
    assert event["data"]["answers"] == {"message": mark}


def test_what_is_refused_is_kept_and_the_visitor_is_told(forms: Forms) -> None:
    mark = uuid4().hex
    assert sent(forms, "lien-he", {"message": mark}) == (303, SORRY)
    assert sent(forms, "ban-tin", {"message": mark}) == (303, THANKS)
    assert [letter.reason for letter in forms.letters(mark)] == ["no_identifier"] * 2
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    answered = forms.http.post("/v1/forms/lien-he", content=f"name=Nguy%EAn&x={mark}", headers=headers)
    assert (answered.status_code, answered.headers["location"]) == (303, SORRY)
    (letter,) = [each for each in forms.letters(mark) if each.reason == "not_utf8"]
    assert letter.payload_bytes() == f"name=Nguy%EAn&x={mark}".encode()


def test_only_forms_are_forms(forms: Forms) -> None:
    for name in ("pages", "tu-van", "nobody", forms.keys["pages"], forms.keys["tu-van"], "a/b", "%2e%2e"):
        assert sent(forms, name, {"email": "a@example.com"})[0] == 404
    assert forms.http.get("/v1/forms/lien-he").status_code == 405
    # What stands in a page opens nothing else.
    bearer = {"Authorization": f"Bearer {forms.keys['ban-tin']}"}
    assert forms.http.post("/v1/events", json=[], headers=bearer).json()["code"] == "public_key"
    assert forms.http.post("/v1/hooks/lien-he", json={}).status_code == 404


def test_a_person_is_told_in_words(forms: Forms) -> None:
    answered = forms.http.post("/v1/forms/lien-he", content=b"x", headers={"Accept": "text/html,*/*"})
    assert (answered.status_code, answered.headers["content-type"]) == (415, "text/html; charset=utf-8")
    assert "không gửi được" in answered.text
    assert "<script" not in answered.text


def test_an_address_may_send_a_few_a_minute_whatever_it_says_of_others(forms: Forms) -> None:
    for number in range(3):
        assert sent(forms, "few", {"email": "a@example.com"}, **{"X-Forwarded-For": f"198.51.100.{number}"})[0] == 303
    answered = forms.http.post(
        "/v1/forms/few", data={"email": "a@example.com"}, headers={"X-Forwarded-For": "198.51.100.9"}
    )
    assert (answered.status_code, answered.headers["retry-after"]) == (429, "20")
    assert forms.http.post("/v1/forms/few", data={}, headers={"X-Forwarded-For": "198.51.100.9"}).status_code == 429
    assert forms.collector.log.read_text().count("PORTRAIT_COLLECTOR_TRUSTED_PROXIES") == 1, "who has a proxy is told"
    assert sent(forms, "lien-he", {"email": "a@example.com"}) == (303, THANKS)


def test_behind_a_trusted_proxy_each_visitor_has_a_share(kafka: str, tmp_path: Path) -> None:
    prepared(tmp_path)
    with running_collector(kafka, tmp_path, PORTRAIT_COLLECTOR_TRUSTED_PROXIES="127.0.0.1, 10.0.0.0/8") as running:

        def status(forwarded: str) -> int:
            told = {"X-Forwarded-For": forwarded}
            return httpx.post(f"{running.url}/v1/forms/few", data={"email": "a@x.vn"}, headers=told).status_code

        assert [status("203.0.113.1, 198.51.100.1, 10.0.0.7") for _ in range(4)] == [303, 303, 303, 429]
        assert [status("198.51.100.2"), status("198.51.100.1")] == [303, 429]


def test_without_kafka_a_form_waits_in_the_spool(tmp_path: Path) -> None:
    prepared(tmp_path)
    with running_collector(f"127.0.0.1:{free_port()}", tmp_path, connected=False) as running:
        answered = httpx.post(f"{running.url}/v1/forms/lien-he", data={"email": "a@example.com"}, timeout=20)
        assert (answered.status_code, answered.headers["location"]) == (303, THANKS)
        assert (
            'portrait_collector_spooled_records_total{source="lien-he"} 1.0' in httpx.get(f"{running.url}/metrics").text
        )
