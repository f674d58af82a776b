"""The collector keeps to its own OpenAPI document, whatever is sent to it, with a real Kafka behind it."""

from collections.abc import Iterator
from typing import Any

import httpx
import jsonschema
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

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


SEGMENT = ("batch", "track", "identify", "page", "screen", "group", "alias")
FITTING, UNFITTING = GenerationMode.POSITIVE, GenerationMode.NEGATIVE


@pytest.mark.parametrize(
    ("method", "path", "mode"),
    [
        ("POST", "/v1/events", FITTING),
        ("POST", "/v1/events", UNFITTING),
        ("POST", "/v1/batch", FITTING),
        ("POST", "/v1/batch", UNFITTING),
        ("GET", "/health", FITTING),
        ("GET", "/ready", FITTING),
    ],
    ids=["events", "unfitting-events", "batch", "unfitting-batch", "health", "ready"],
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
    operation = document["paths"]["/v1/events"]["post"]
    for each in (operation, *(document["paths"][f"/v1/{name}"]["post"] for name in SEGMENT)):
        assert sorted(each["responses"]) == ["200", "400", "401", "408", "413", "415", "429", "503"]
        assert "Retry-After" in each["responses"]["503"]["headers"]
    settings = "/v1/projects/{write_key}/settings"
    assert document["paths"].keys() == {
        *("/v1/events", "/health", "/ready", settings),
        *(f"/v1/{name}" for name in SEGMENT),
    }


def test_the_examples_of_the_document_fit_its_schemas(document: dict[str, Any]) -> None:
    for name in ("events", *SEGMENT):
        content = document["paths"][f"/v1/{name}"]["post"]["requestBody"]["content"]
        for body in content.values():
            validator = jsonschema.Draft202012Validator(body["schema"] | {"components": document["components"]})
            for example in body["examples"].values():
                validator.validate(example["value"])
