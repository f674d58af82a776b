"""What becomes of what form services send."""

from __future__ import annotations

import copy
from datetime import UTC, datetime
from typing import Any

import pytest

from producers.forms.event import Arrival, FormEvent, form_event
from producers.forms.mapping import FormMapping, read_form_mapping
from producers.forms.mapping_files import page_form
from producers.forms.page_submission import page_event
from producers.forms.submission import submission
from schemas.codec import read_event
from schemas.rejected import Rejected
from tests.form_samples import GOOGLE, TALLY, TYPEFORM, TYPEFORM_MAPPING

ARRIVAL = Arrival("dang-ky", datetime(2026, 11, 20, 3, 0, 5, tzinfo=UTC), "fallback")


def mapping(text: str) -> FormMapping:
    return read_form_mapping(text, "m.yaml")


def made(document: dict[str, Any], text: str) -> FormEvent:
    read = mapping(text)
    return form_event(submission(document, read.service.read(document)), read, ARRIVAL)


def test_an_answer_of_typeform_becomes_an_event() -> None:
    assert made(TYPEFORM, TYPEFORM_MAPPING) == FormEvent(
        {
            "specversion": "1.0",
            "source": "/forms/dang-ky",
            "type": "web.form_submitted.v1",
            "id": "a3a12ec67a1365927098a606107fac15",
            "time": "2026-11-20T03:00:00Z",
            "data": {
                "form": {"id": "lT4Z3j", "kind": "contact"},
                "customer": {
                    "full_name": "Trần Văn Ốc",
                    "email": "oc@example.com",
                    "phone": "+84912304556",
                    "birthday": "1991-08-17",
                    "consent": {"email": True},
                },
                "page": {"utm": {"source": "zalo"}},
                "answers": {
                    "Nhận tin qua": ["Email", "Zalo", "Thư tay"],
                    "Bạn có đồng ý?": True,
                    "Cửa hàng nào gần bạn?": "Nguyễn Huệ",
                    "Bạn hài lòng thế nào?": 4,
                    "hidden.chi_nhanh": "Quận 1",
                    "variables.score": 9,
                },
            },
        },
        (
            "Nhận tin qua",
            "Bạn có đồng ý?",
            "Cửa hàng nào gần bạn?",
            "Bạn hài lòng thế nào?",
            "hidden.chi_nhanh",
            "variables.score",
        ),
        (),
    )


def test_what_was_chosen_at_tally_has_its_text() -> None:
    event = made(
        TALLY,
        """\
questions: tally
data:
  form: {kind: newsletter}
  customer: {full_name: "{Họ và tên}", email: "{question_nPpjVn}"}
""",
    ).event
    assert (event["id"], event["time"]) == ("2wgx4n", "2026-11-20T03:00:00Z")
    assert event["data"] == {
        "form": {"id": "dang-ky", "kind": "newsletter"},
        "customer": {"full_name": "Lê Thị Hoà", "email": "hoa@example.com"},
        "answers": {"Sở thích": ["Cà phê", "Trà sen"]},
    }


def test_a_form_of_google_is_a_survey_when_the_mapping_says_so() -> None:
    event = made(
        GOOGLE,
        """\
questions: google_forms
type: survey.answered.v1
data:
  survey: {name: "{form.title}"}
  customer: {full_name: "{Họ và tên}", phone: "{1002}", email: "{email}"}
""",
    ).event
    assert (event["type"], event["id"]) == ("survey.answered.v1", "2_ABaOnud-1763607600000")
    assert event["data"] == {
        "survey": {"id": "dang-ky", "name": "Đăng ký khoá học"},
        "customer": {"full_name": "Phạm Minh", "phone": "0912 304 556", "email": "minh@example.com"},
        "answers": {"Quan tâm": ["Pha chế", "Rang xay"], "Bạn thấy thế nào?": ["Tốt", None, "Rất tốt"]},
    }


def test_any_other_json_is_read_by_path_and_nothing_of_it_is_dropped() -> None:
    document = {
        "submission": {
            "uuid": "s-1",
            "at": "20/11/2026 10:00",
            "person": {"mail": "a@example.com", "tags": ["vip", "mới"]},
        },
        "items": [{"sku": "CF", "n": 2}],
        "paid": False,
        "nothing": None,
    }
    event = made(
        document,
        """\
questions: fields
id: "{submission.uuid}"
time: {column: submission.at, formats: ["%d/%m/%Y %H:%M"], timezone: Asia/Ho_Chi_Minh}
data:
  customer: {email: "{submission.person.mail}"}
""",
    ).event
    assert (event["id"], event["time"]) == ("s-1", "2026-11-20T03:00:00Z")
    assert event["data"]["answers"] == {
        "submission.person.tags": ["vip", "mới"],
        "items.0.sku": "CF",
        "items.0.n": 2,
        "paid": False,
    }


def test_a_list_of_questions_anywhere_can_be_told() -> None:
    document = {"payload": {"qa": [{"q": {"name": "Tên"}, "a": "Hà"}, {"q": {"name": "Mail"}, "a": "ha@example.com"}]}}
    event = made(
        document,
        """\
questions: {at: payload.qa, names: [q.name], value: a}
data:
  customer: {full_name: "{Tên}", email: "{Mail}"}
""",
    ).event
    assert (event["id"], event["time"]) == ("fallback", "2026-11-20T03:00:05Z")
    assert event["data"]["customer"] == {"full_name": "Hà", "email": "ha@example.com"}


def test_names_are_compared_as_people_see_them() -> None:
    decomposed = {"answers": [{"id": 1, "title": " Ho\u0323 va\u0300  te\u0302n\n", "value": "Hà"}]}
    text = 'questions: google_forms\ndata:\n  customer: {full_name: "{Họ và tên}"}'
    assert made(decomposed, text).event["data"]["customer"] == {"full_name": "Hà"}


def test_an_answer_that_cannot_be_read_is_kept_and_costs_nothing_else() -> None:
    document = copy.deepcopy(GOOGLE)
    document["answers"].append({"id": "1005", "title": "Ngày sinh", "value": "32/1/1990"})
    found = made(
        document,
        """\
questions: google_forms
data:
  customer:
    phone: "{Số điện thoại}"
    birthday: {column: Ngày sinh, dates: ["%d/%m/%Y"]}
""",
    )
    assert found.wrong == (("Ngày sinh", "'32/1/1990' is not a date like %d/%m/%Y"),)
    assert found.event["data"]["customer"] == {"phone": "0912 304 556"}
    assert found.event["data"]["answers"]["Ngày sinh"] == "32/1/1990"


def test_what_was_chosen_under_a_title_that_two_questions_have_says_nothing() -> None:
    """Which of the two agrees to be written to, nobody knows."""
    document = {
        "answers": [{"id": 1, "title": "Đồng ý", "value": ["Có"]}, {"id": 2, "title": "Đồng ý", "value": ["Không"]}]
    }
    text = "questions: google_forms\ndata:\n  customer: {consent: {email: {column: %s, to: boolean}}}"
    found = made(document, text % '"Đồng ý[Có]"')
    assert [column for column, _ in found.wrong] == ["Đồng ý[Có]"]
    assert found.event["data"]["customer"] == {}
    assert found.event["data"]["answers"] == {"Đồng ý (1)": ["Có"], "Đồng ý (2)": ["Không"]}
    by_id = made(document, text % '"1[Có]"')
    assert (by_id.wrong, by_id.event["data"]["customer"]) == ((), {"consent": {"email": True}})


def test_fields_of_a_page_whose_names_look_the_same_say_nothing() -> None:
    text = "questions: fields\ndata:\n  customer: {consent: {email: {column: 'a b[email]', to: boolean}}}"
    found = made({"a b": "email", "a  b": "no"}, text)
    assert ([column for column, _ in found.wrong], found.event["data"]["customer"]) == (["a b[email]"], {})


def test_a_field_that_stands_twice_in_a_page_is_what_was_typed_into_one() -> None:
    text = 'questions: fields\ndata:\n  customer: {phone: "{phone}", consent: {sms: {column: "c[sms]", to: boolean}}}'
    found = made({"phone": ["", "0912 304 556"], "c": ["", "sms"]}, text)
    assert found.event["data"]["customer"] == {"phone": "0912 304 556", "consent": {"sms": True}}


def test_a_title_that_two_questions_have_names_neither() -> None:
    document = {
        "answers": [{"id": 1, "title": "Email", "value": "a@x.vn"}, {"id": 2, "title": "Email", "value": "b@x.vn"}]
    }
    text = "questions: google_forms\ndata:\n  customer: {email: %s}"
    found = made(document, text % '"{Email}"')
    assert found.wrong == (("Email", "more than one question is called so; name the one that is meant by its id"),)
    assert found.event["data"]["customer"] == {}
    assert found.event["data"]["answers"] == {"Email (1)": "a@x.vn", "Email (2)": "b@x.vn"}
    by_id = made(document, text % '"{2}"')
    assert (by_id.wrong, by_id.event["data"]["customer"]) == ((), {"email": "b@x.vn"})


@pytest.mark.parametrize(
    ("said", "document", "left_out", "wrong"),
    [
        ('id: "{x.id}"', {"x": {}}, "id", ("x.id", "is empty, and the event's id is made of it")),
        ("time: {column: at}", {"at": "hôm qua"}, "time", ("at", "'hôm qua' is not a time like iso")),
    ],
)
def test_an_event_whose_id_or_time_cannot_be_read_has_none(
    said: str, document: dict[str, Any], left_out: str, wrong: tuple[str, str]
) -> None:
    found = made(document | {"e": "a@x.vn"}, f'questions: fields\n{said}\ndata:\n  customer: {{email: "{{e}}"}}')
    assert found.wrong == (wrong,)
    assert {"id", "time"} - found.event.keys() == {left_out}


def test_a_page_that_fills_in_no_id_is_one_that_has_none() -> None:
    """What is sent again later counts again."""

    def event_id(seconds: int, **fields: str) -> Any:
        received = datetime.fromtimestamp(seconds, UTC)
        return page_event({"email": "a@x.vn"} | fields, page_form(), source="s", honeypot="_h", received=received)["id"]

    for fields in ({}, {"_id": ""}, {"_id": " "}):
        assert event_id(0, **fields) == event_id(599, **fields) != event_id(600, **fields)
    assert event_id(0, _id="1-0.5") == event_id(600, _id="1-0.5")


def test_long_titles_are_cut_and_stay_apart() -> None:
    long = "Câu hỏi rất dài " * 30
    document = {"answers": [{"id": 1, "title": long + "A", "value": 1}, {"id": 2, "title": long + "B", "value": 2}]}
    answers = made(document, "questions: google_forms").event["data"]["answers"]
    assert list(answers.values()) == [1, 2]
    assert max(map(len, answers)) <= 200


def test_what_nobody_vouches_for_is_kept_as_an_answer() -> None:
    read = mapping(
        """\
questions: fields
id: "{order}"
data:
  customer:
    email: "{email}"
    customer_no: "{number}"
    card_no: "{card}"
    consent: {email: {column: "consent[email]", to: boolean}}
"""
    )
    stated = {"email": "a@x.vn", "customer_no": "KH1", "card_no": "123", "consent": {"email": True}}
    kept = {"card": "123", "number": "KH1", "order": "1007"}
    fields = {"email": "a@x.vn", "consent": "email"} | kept
    for believed, event_id, customer, answers in (
        (read, "1007", stated, None),
        (read.for_anybody(consent=True), "fallback", {"email": "a@x.vn", "consent": {"email": True}}, kept),
        (read.for_anybody(consent=False), "fallback", {"email": "a@x.vn"}, kept | {"consent": "email"}),
    ):
        event = form_event(submission(fields, believed.service.read(fields)), believed, ARRIVAL).event
        data = event["data"]
        assert (event["id"], data["customer"], data.get("answers")) == (event_id, customer, answers)


def test_a_long_address_of_the_page_costs_nobody_the_submission() -> None:
    text = """\
questions: fields
data:
  customer: {email: "{email}"}
  page: {url: "{_page}", referrer: "{_referrer}", utm: {content: "{utm_content}", source: zalo}}
"""
    url = "https://cuahang.example/?fbclid="
    event = made(
        {"email": "a@x.vn", "_page": url + "f" * 3_000, "_referrer": url, "utm_content": "Quảng cáo " * 50}, text
    ).event
    assert event["data"]["page"] == {
        "url": (url + "f" * 3_000)[:2_000],
        "referrer": url,
        "utm": {"content": ("Quảng cáo " * 50)[:200], "source": "zalo"},
    }
    assert not isinstance(read_event(event), Rejected)


@pytest.mark.parametrize(
    "document",
    [
        {"k" * 900_000: list(range(20_000))},
        {"k" * 900: {str(n): n for n in range(30_000)}},
        {"k" * 900: list(range(100_000))},
        {"answers": [{"id": "same", "title": "Câu hỏi", "value": 1}] * 30_000},
        {"answers": [{"id": n, "title": "k" * 200, "value": list(range(2_000))} for n in range(200)]},
    ],
    ids=["a name without end", "a long name of many", "a long list", "one name for many", "long titles of long lists"],
)
def test_a_body_does_not_grow_beyond_measure(document: dict[str, Any]) -> None:
    for service in ("fields", "google_forms"):
        read = mapping(f"questions: {service}")
        submitted = submission(document, read.service.read(document))
        assert sum(map(len, submitted.columns)) < 50_000_000
        form_event(submitted, read, ARRIVAL)
