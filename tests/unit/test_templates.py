"""Templates of e-mails: strict, contained, and checked before the first one is sent."""

from __future__ import annotations

import pytest

from sinks.activation.targets import BadTarget
from sinks.activation.templates import BadTemplate, Templates, check_templates
from tests.unit.test_email import CUSTOMER
from tests.unit.test_webhook import CHANGE


def rendered(text: str, **changed: object) -> str:
    return Templates("s", text, None).render(CUSTOMER._replace(**changed), CHANGE).text  # type: ignore[arg-type]


def test_a_template_knows_the_customer_and_the_change() -> None:
    text = "{{ customer.full_name }} {{ customer.traits.given_name }} {{ change.segment }} {{ change.at.year }}"
    assert rendered(text) == "Trần Thị An An birthday_soon 2026"


def test_what_is_not_known_of_a_customer_is_left_out_or_said_otherwise() -> None:
    assert rendered("Chào {{ customer.full_name }}!", full_name=None) == "Chào !"
    assert rendered('Chào {{ customer.full_name or "bạn" }}!', full_name=None) == "Chào bạn!"
    assert rendered('{{ customer.traits.nickname | default("bạn") }}') == "bạn"


def test_html_is_escaped_and_text_is_not() -> None:
    told = Templates("s", "{{ customer.full_name }}", "{{ customer.full_name }}").render(
        CUSTOMER._replace(full_name="<b>An & Bình</b>"), CHANGE
    )
    assert (told.text, told.html) == ("<b>An & Bình</b>", "&lt;b&gt;An &amp; Bình&lt;/b&gt;")


def test_a_subject_is_one_line() -> None:
    told = Templates("Chào\r\n  {{ customer.full_name }}\n", "t", None).render(
        CUSTOMER._replace(full_name="An\r\nBcc: all@example.com"), CHANGE
    )
    assert told.subject == "Chào An Bcc: all@example.com"


@pytest.mark.parametrize(
    ("template", "said"),
    [
        ("{{ customer.fullname }}", "fullname"),
        ("{{ nobody }}", "nobody"),
        ("{{ customer.traits.nickname }}", "nickname"),
        ("{{ customer.full_name.__class__.__mro__ }}", "unsafe"),
        ("{{ customer._replace(full_name=1) }}", "unsafe"),
        ("{% for i in range(10000000) %}x{% endfor %}", "Range too big"),
        ('{{ "x" * 2000000 }}', "more than 1,000,000"),
        ("{{ 1 / 0 }}", "division by zero"),
    ],
)
def test_a_template_that_goes_wrong_says_why(template: str, said: str) -> None:
    with pytest.raises(BadTemplate, match=f"the template of the text: .*{said}"):
        rendered(template)


def test_a_template_that_cannot_be_read_says_in_which_line() -> None:
    with pytest.raises(BadTemplate, match="the template of the html, line 2: "):
        Templates("s", "t", "<p>\n{% if %}")


@pytest.mark.parametrize(
    ("subject", "text", "said"),
    [
        ("s", "{{ customer.nickname }}", "of whom much is known"),
        ("s", "{{ customer.full_name.split()[-1] }}", "of whom only the address is known"),
        ("s", "{{ customer.traits.given_name }}", "of whom only the address is known"),
        ("{{ customer.full_name }}", "t", "the subject is empty for one of whom only the address is known"),
    ],
)
def test_a_template_is_tried_on_who_is_well_known_and_on_who_is_not(subject: str, text: str, said: str) -> None:
    with pytest.raises(BadTarget, match=said):
        check_templates(Templates(subject, text, None), CHANGE)


def test_a_careful_template_is_good_for_everybody() -> None:
    check_templates(
        Templates('Chào {{ customer.traits.given_name | default("bạn") }}', "{{ customer.points }} điểm", None), CHANGE
    )
