"""The collector keeps to its own OpenAPI document, whatever is sent to it, with a real Kafka behind it."""

import hashlib
import hmac
import json
from collections.abc import Iterator
from typing import Any

import httpx
import jsonschema
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from ops.local.records import wait_until
from producers.webhooks.__main__ import add_webhook
from tests.integration.running_collector import RunningCollector, running_collector

pytestmark = pytest.mark.integration

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]


@pytest.fixture(scope="module")
def collector(kafka: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningCollector]:
    with running_collector(kafka, tmp_path_factory.mktemp("collector")) as running:
        yield running


@pytest.fixture(scope="module")
def document(collector: RunningCollector) -> dict[str, Any]:
    described: dict[str, Any] = httpx.get(collector.url + "/openapi.json").json()
    return described


SECRET = "meta-secret"
SEGMENT = ("batch", "track", "identify", "page", "screen", "group", "alias")
FITTING, UNFITTING = GenerationMode.POSITIVE, GenerationMode.NEGATIVE


@pytest.mark.parametrize(
    ("method", "path", "mode"),
    [
        ("POST", "/v1/events", FITTING),
        ("POST", "/v1/events", UNFITTING),
        ("POST", "/v1/batch", FITTING),
        ("POST", "/v1/batch", UNFITTING),
        ("GET", "/sourceConfig", FITTING),
        ("GET", "/health", FITTING),
        ("GET", "/ready", FITTING),
    ],
    ids=["events", "unfitting-events", "batch", "unfitting-batch", "source-config", "health", "ready"],
)
def test_every_answer_is_as_documented(
    collector: RunningCollector, method: str, path: str, mode: GenerationMode
) -> None:
    operation = schemathesis.openapi.from_url(collector.url + "/openapi.json")[path][method]
    seen: set[int] = set()

    @settings(max_examples=60, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
    @given(case=operation.as_strategy(generation_mode=mode))
    def ask(case: Any) -> None:
        headers = {"Authorization": f"Bearer {collector.key}"}
        seen.add(case.call_and_validate(checks=CHECKS, headers=headers, timeout=20).status_code)

    ask()
    assert seen <= {200, 400, 413, 415}
    assert mode is UNFITTING or 200 in seen


def test_the_document_names_every_way_to_fail(document: dict[str, Any]) -> None:
    ways = ["200", "400", "401", "408", "413", "415", "429", "503"]
    for name in ("events", *SEGMENT):
        each = document["paths"][f"/v1/{name}"]["post"]
        assert sorted(each["responses"]) == (sorted([*ways, "403"]) if name == "events" else ways)
        assert "Retry-After" in each["responses"]["503"]["headers"]
    settings = "/v1/projects/{write_key}/settings"
    assert document["paths"].keys() == {
        *("/v1/events", "/v1/hooks/{name}", "/v1/forms/{name}", "/health", "/ready", settings, "/sourceConfig"),
        *(f"/v1/{name}" for name in SEGMENT),
    }


def test_the_configuration_of_a_source_is_as_documented(collector: RunningCollector, document: dict[str, Any]) -> None:
    described = document["paths"]["/sourceConfig"]["get"]["responses"]
    asked = collector.url + "/sourceConfig"
    for status, key in (("200", collector.key), ("400", "nobody"), ("401", "")):
        answered = httpx.get(asked, params={"writeKey": key})
        assert str(answered.status_code) == status
        ((media_type, content),) = described[status]["content"].items()
        assert answered.headers["content-type"] == media_type
        schema = content["schema"] | {"components": document["components"]}
        jsonschema.Draft202012Validator(schema).validate(answered.json())


@pytest.fixture(scope="module")
def webhook(collector: RunningCollector) -> str:
    add_webhook(collector.keys, "fan-page", "meta", SECRET)
    wait_until(lambda: httpx.get(f"{collector.url}/v1/hooks/fan-page").status_code == 403, 20, every=0.1)
    return "fan-page"


@pytest.mark.parametrize("mode", [FITTING, UNFITTING])
@pytest.mark.parametrize(("method", "statuses"), [("POST", {401, 404}), ("GET", {403, 404})])
def test_every_answer_of_a_webhook_is_as_documented(
    collector: RunningCollector, webhook: str, method: str, statuses: set[int], mode: GenerationMode
) -> None:
    operation = schemathesis.openapi.from_url(collector.url + "/openapi.json")["/v1/hooks/{name}"][method]
    seen: set[int] = set()

    @settings(max_examples=40, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
    @given(case=operation.as_strategy(generation_mode=mode), known=st.booleans())
    def ask(case: Any, known: bool) -> None:
        if known:
            case.path_parameters["name"] = webhook
        seen.add(case.call_and_validate(checks=CHECKS, timeout=20).status_code)

    ask()
    assert seen == statuses


def test_what_is_signed_is_answered_as_documented(
    collector: RunningCollector, document: dict[str, Any], webhook: str
) -> None:
    ways = ["200", "400", "401", "404", "408", "413", "415", "429", "503"]
    operation = document["paths"]["/v1/hooks/{name}"]["post"]
    assert sorted(operation["responses"]) == ways
    told = {"field": "feed", "value": {"item": "like", "verb": "add", "from": {"id": "6789012345678901"}}}
    body = json.dumps({"object": "page", "entry": [{"id": "1", "time": 1795000000, "changes": [told, 7]}]}).encode()
    signature = "sha256=" + hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    address = f"{collector.url}/v1/hooks/{webhook}"
    answered = httpx.post(address, content=body, headers={"X-Hub-Signature-256": signature})
    schema = operation["responses"]["200"]["content"]["application/json"]["schema"]
    jsonschema.Draft202012Validator(schema | {"components": document["components"]}).validate(answered.json())
    assert (answered.json()["accepted"], len(answered.json()["rejected"])) == (1, 1)


def test_the_examples_of_the_document_fit_its_schemas(document: dict[str, Any]) -> None:
    for name in ("events", *SEGMENT):
        content = document["paths"][f"/v1/{name}"]["post"]["requestBody"]["content"]
        for body in content.values():
            validator = jsonschema.Draft202012Validator(body["schema"] | {"components": document["components"]})
            for example in body["examples"].values():
                validator.validate(example["value"])
