"""Forms on pages keep to the OpenAPI document of the collector, whatever is sent."""

from __future__ import annotations

from typing import Any

import httpx
import jsonschema
import pytest

from ops.local.records import wait_until
from producers.keys.changes import add_source
from producers.keys.page_form import PageForm
from tests.contract.test_openapi import collector as collector
from tests.contract.test_openapi import document as document
from tests.integration.running_collector import RunningCollector

pytestmark = pytest.mark.integration

ADDRESS = "/v1/forms/{name}"


@pytest.fixture(scope="module")
def form(collector: RunningCollector) -> str:
    """The address of a form that may be sent three times."""
    add_source(collector.keys, "contact", form=PageForm(thanks="https://x.example/thanks", a_minute=3))
    assert wait_until(lambda: httpx.post(f"{collector.url}/v1/forms/contact").status_code != 404, 20, every=0.1)
    return f"{collector.url}/v1/forms/contact"


def test_every_answer_is_as_documented(document: dict[str, Any], form: str, collector: RunningCollector) -> None:
    told = document["paths"][ADDRESS]["post"]["responses"]
    assert sorted(told) == ["303", "400", "404", "408", "413", "415", "429", "503"]
    answers = [
        httpx.post(form, data={"email": "lan@example.com"}),
        httpx.post(form, content=b"x", headers={"Content-Type": "multipart/form-data; boundary=b"}),
        httpx.post(form, data={"email": "lan@example.com"}),
        httpx.post(f"{collector.url}/v1/forms/nobody"),
    ]
    # One was spent on seeing that the form is there.
    assert [answer.status_code for answer in answers] == [303, 400, 429, 404]
    for answer in answers[1:]:
        schema = told[str(answer.status_code)]["content"][answer.headers["content-type"]]["schema"]
        jsonschema.Draft202012Validator(schema | {"components": document["components"]}).validate(answer.json())


def test_the_examples_fit_their_schema(document: dict[str, Any]) -> None:
    for body in document["paths"][ADDRESS]["post"]["requestBody"]["content"].values():
        for example in body["examples"].values():
            jsonschema.Draft202012Validator(body["schema"]).validate(example["value"])
