"""`portrait map`: what a mapping would make of a sample, told before anything is sent."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from ops.cli import app
from ops.local.home import LocalStackError
from tests.form_samples import GOOGLE, TYPEFORM, TYPEFORM_MAPPING, wire
from tests.legacy_text import tcvn3, windows_1258


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A directory with mappings and samples, and no stack."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PORTRAIT_HOME", raising=False)
    (tmp_path / "tu-van.yaml").write_text(TYPEFORM_MAPPING, encoding="utf-8")
    (tmp_path / "typeform.json").write_bytes(wire(TYPEFORM))
    (tmp_path / "google.json").write_bytes(wire(GOOGLE))


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["map", *arguments], env={"COLUMNS": "200"})


def test_a_good_mapping_shows_the_event_and_what_nothing_reads() -> None:
    told = run("try", "tu-van.yaml", "typeform.json", "--source", "tu-van")
    assert told.exit_code == 0
    event, end = json.JSONDecoder().raw_decode(told.output)
    assert (event["source"], event["id"]) == ("/forms/tu-van", TYPEFORM["form_response"]["token"])
    assert told.output[end:].strip().splitlines() == [
        "Nothing reads these; what was answered is kept in the event:",
        "  Nhận tin qua",
        "  Bạn có đồng ý?",
        "  Cửa hàng nào gần bạn?",
        "  Bạn hài lòng thế nào?",
        "  hidden.chi_nhanh",
        "  variables.score",
        "✓ This would be taken.",
    ]


def test_a_misspelt_question_and_an_unreadable_answer_are_told(tmp_path: Path) -> None:
    (tmp_path / "m.yaml").write_text(
        """\
questions: google_forms
data:
  customer:
    full_name: "{Họ và ten}"
    birthday: {column: Quan tâm, dates: ["%d/%m/%Y"]}
""",
        encoding="utf-8",
    )
    told = run("try", "m.yaml", "google.json", "--json")
    assert told.exit_code == 1
    answer = json.loads(told.output)
    assert answer.pop("event")["data"]["customer"] == {}
    assert answer == {
        "refused": {
            "code": "no_identifier",
            "path": "$.data.customer",
            "message": "give at least one of customer_no, card_no, email, phone, facebook_id, zalo_id, tiktok_id, "
            "instagram_id, device_id, anonymous_id",
        },
        "unread": ["Họ và tên", "Số điện thoại", "Quan tâm", "Bạn thấy thế nào?"],
        "absent": [{"name": "Họ và ten", "nearest": "Họ và tên"}],
        "wrong": [{"column": "Quan tâm", "message": "'Pha chế, Rang xay' is not a date like %d/%m/%Y"}],
        "unreadable": [],
    }


def test_what_the_stream_would_leave_out_is_told(tmp_path: Path) -> None:
    (tmp_path / "m.yaml").write_text('questions: fields\ndata:\n  customer: {phone: "{phone}", email: "{email}"}')
    (tmp_path / "post.txt").write_text("phone=12&email=lan%40example.com&loi-nhan=Ch%C3%A0o&_id=1-0.5&_gotcha=\n")
    told = run("try", "--page", "m.yaml", "post.txt", "--json")
    answer = json.loads(told.output)
    assert (told.exit_code, answer["unreadable"]) == (
        1,
        [{"path": "$.data.customer.phone", "code": "unreadable_phone"}],
    )
    assert answer["event"]["data"]["answers"] == {"loi-nhan": "Chào"}


def test_as_a_page_not_all_is_believed(tmp_path: Path) -> None:
    (tmp_path / "m.yaml").write_text('questions: fields\ndata:\n  customer: {card_no: "{card}", email: "{email}"}')
    (tmp_path / "post.txt").write_text("card=12&email=lan%40example.com")
    believed = [
        json.loads(run("try", *how, "m.yaml", "post.txt", "--json").output)["event"]["data"] for how in ([], ["--page"])
    ]
    assert [each["customer"] for each in believed] == [
        {"card_no": "12", "email": "lan@example.com"},
        {"email": "lan@example.com"},
    ]
    assert believed[1]["answers"] == {"card": "12"}


def test_a_mapping_of_a_file_shows_its_first_row(tmp_path: Path) -> None:
    (tmp_path / "people.csv").write_text("registered_at,email,shoe_size\n2026-11-20,lan@example.com,38\n")
    told = run("try", "contacts", "people.csv", "--json")
    answer = json.loads(told.output)
    assert (told.exit_code, answer["unread"]) == (0, ["shoe_size"])
    assert answer["event"]["data"]["customer"] == {"email": "lan@example.com"}
    (tmp_path / "people.csv").write_text("registered_at,email\nhôm qua,lan@example.com\n")
    told = run("try", "contacts", "people.csv")
    assert told.exit_code == 1
    assert "registered_at: 'hôm qua' is not a time like iso" in told.output


def test_a_sample_is_read_in_the_encoding_that_it_is_in_as_the_file_will_be(tmp_path: Path) -> None:
    people = "registered_at,email,full_name\n2026-11-20,lan@example.com,Nguyễn Thị Ánh Nguyệt\n"
    (tmp_path / "people.csv").write_bytes(windows_1258(people))
    told = run("try", "contacts", "people.csv", "--json")
    assert json.loads(told.output)["event"]["data"]["customer"]["full_name"] == "Nguyễn Thị Ánh Nguyệt"
    (tmp_path / "people.csv").write_bytes(tcvn3(people))
    told = run("try", "contacts", "people.csv")
    assert isinstance(told.exception, LocalStackError)
    assert str(told.exception).startswith("people.csv is not read. It is in TCVN3, ")


@pytest.mark.parametrize(
    ("sample", "code"),
    [("{", "not_json"), ("7", "not_an_object"), ("", "empty"), ("[]", "not_an_object"), ("name=%EA", "not_utf8")],
)
def test_a_sample_that_is_none_is_told(tmp_path: Path, sample: str, code: str) -> None:
    (tmp_path / "sample").write_text(sample)
    told = run("try", "tu-van.yaml", "sample", "--json")
    assert (told.exit_code, json.loads(told.output)["refused"]["code"]) == (1, code)


def test_check_names_what_is_read_or_the_line_that_is_wrong(tmp_path: Path) -> None:
    told = run("check", "tu-van.yaml", "--json")
    assert (told.exit_code, json.loads(told.output)["type"]) == (0, "web.form_submitted.v1")
    assert "Nhận tin qua[SMS]" in json.loads(told.output)["reads"]
    assert run("check", "loyalty_scans").output.startswith("✓ loyalty_scans makes loyalty.card_scanned.v1, and reads")
    (tmp_path / "m.yaml").write_text("questions: fields\ndata:\n  customer:\n    emial: x\n")
    told = run("check", "m.yaml")
    assert isinstance(told.exception, LocalStackError)
    assert str(told.exception).startswith("m.yaml line 4: data.customer.emial: ")


def test_a_mapping_beside_the_keys_is_found_by_its_name(tmp_path: Path) -> None:
    (tmp_path / ".portrait").mkdir()
    (tmp_path / "tu-van.yaml").rename(tmp_path / ".portrait" / "tu-van.yaml")
    assert run("check", "tu-van.yaml").exit_code == 0
    told = run("check", "absent.yaml")
    assert str(told.exception) == "absent.yaml: No such file or directory"
