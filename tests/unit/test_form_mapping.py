"""A mapping of a form that is wrong is refused, with the line; one in a file is read when it changes."""

from __future__ import annotations

import os
import resource
from collections.abc import Callable
from pathlib import Path

import pytest

from producers.files.mapping import MappingError
from producers.forms import mapping_files
from producers.forms.mapping import FormMapping, load_form_mapping, read_form_mapping
from producers.forms.mapping_files import MappingFiles, page_form
from tests.form_samples import TYPEFORM_MAPPING


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "m.yaml: a mapping has `questions` and `data`, each with a colon"),
        ("- 1", "m.yaml: a mapping has `questions` and `data`, each with a colon"),
        ("questions: [", "m.yaml line 1: this is not YAML: "),
        (
            "questions: jotform",
            "m.yaml line 1: questions: Input should be 'fields', 'google_forms', 'tally' or 'typeform'",
        ),
        ("about: x\nquestions: {at: a}", "m.yaml line 2: questions.names: Field required"),
        ("data: {}", "m.yaml: questions: Field required"),
        ("questions: fields\ntype: web.tracked.v1", "m.yaml line 2: type: 'web.tracked.v1' is none of"),
        (
            "questions: fields\ntime:\n  column: x\n  timezone: Mars",
            "m.yaml line 4: time.timezone: 'Mars' is not a time zone",
        ),
        ("questions: fields\nid: a\ncolumns: optional", "m.yaml line 3: columns: Extra inputs are not permitted"),
        (
            "questions: fields\ndata:\n  customer:\n    name: x\n    emial: x",
            "m.yaml line 4: data.customer.name: events of web.form_submitted.v1 have no such field; is it full_name?",
        ),
        (
            "questions: fields\ndata:\n  customer:\n    email: {column: a, decimals: x}",
            "m.yaml line 4: data.customer.email: decimals",
        ),
        (
            "questions: fields\ndata:\n  customer:\n    gender: {column: g, map: {M: male}, strict: true, default: X}",
            "m.yaml line 4: data.customer.gender: Value error, default: 'X' is none of M",
        ),
        (
            "questions: fields\ndata:\n  order:\n    items:\n      - sku: a\n        colour: b",
            "m.yaml line 6: data.order.items[0].colour: events of web.form_submitted.v1 have no such field; there are sku",
        ),
        ("questions: fields\ndata:\n  answers:\n    x: 1.5", "m.yaml line 4: data.answers.x: write 1.5 as text"),
        (
            "questions: fields\ntype: survey.answered.v1\ndata:\n  form: {id: x}",
            "m.yaml line 4: data.form: events of survey",
        ),
    ],
)
def test_what_is_wrong_is_told_with_its_line(text: str, message: str) -> None:
    with pytest.raises(MappingError) as told:
        read_form_mapping(text, "m.yaml")
    assert str(told.value).startswith(message)


def test_answers_may_have_any_name() -> None:
    assert read_form_mapping('questions: fields\ndata:\n  answers: {"câu hỏi": "{q}"}', "m.yaml").read_columns == {"q"}


def test_the_usual_names_are_those_of_customers() -> None:
    read = page_form()
    assert {"name", "email", "phone", "consent[email]", "utm_source"} <= read.read_columns
    assert "consent[email]" not in read.for_anybody(consent=False).read_columns


def write(path: Path, text: str) -> None:
    new = path.with_suffix(".new")
    new.write_text(text, encoding="utf-8")
    os.replace(new, path)


def test_a_file_is_read_when_it_changes_and_a_broken_one_changes_nothing(tmp_path: Path) -> None:
    files, path = MappingFiles(tmp_path), tmp_path / "m.yaml"
    with pytest.raises(MappingError, match="No such file"):
        files.read("m.yaml")
    write(path, "questions: [")
    with pytest.raises(MappingError, match="line 1: this is not YAML"):
        files.read("m.yaml")
    write(path, TYPEFORM_MAPPING)
    first = files.read("m.yaml")
    assert first.questions == "typeform"
    write(path, "questions: jotform")
    assert files.read("m.yaml") is first
    write(path, "questions: tally")
    assert files.read("m.yaml").questions == "tally"
    path.unlink()
    assert files.read("m.yaml").questions == "tally"


def test_a_mapping_that_could_not_be_opened_for_a_moment_is_read_the_next_time(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    files, path = MappingFiles(tmp_path), tmp_path / "m.yaml"

    def while_too_many_files_are_open(read: Callable[[], object]) -> None:
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (0, hard))
        try:
            for _ in range(2):
                read()
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))

    def refused() -> None:
        with pytest.raises(MappingError, match="Too many open files"):
            files.read("m.yaml")

    write(path, "questions: tally")
    while_too_many_files_are_open(refused)
    assert files.read("m.yaml").questions == "tally"
    write(path, TYPEFORM_MAPPING)
    while_too_many_files_are_open(lambda: files.read("m.yaml"))
    assert files.read("m.yaml").questions == "typeform"
    assert [each.message.partition("; ")[2] for each in caplog.records if each.levelname == "ERROR"] == [
        "what comes is answered 503",
        "the mapping stays as it was",
    ]


def test_a_mapping_that_is_wrong_is_read_once_however_often_it_is_asked_for(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[Path] = []

    def counted(path: Path) -> FormMapping:
        opened.append(path)
        return load_form_mapping(path)

    monkeypatch.setattr(mapping_files, "load_form_mapping", counted)
    write(tmp_path / "m.yaml", "questions: [")
    files = MappingFiles(tmp_path)
    for _ in range(3):
        with pytest.raises(MappingError, match="this is not YAML"):
            files.read("m.yaml")
    assert opened == [tmp_path / "m.yaml"]
    assert len(caplog.records) == 1
