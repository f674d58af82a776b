"""`portrait sources` before a real collector: keys that change, and what is counted of each source."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from ops.local.records import wait_until
from producers.keys.changes import add_source
from tests.integration.running_collector import RunningCollector, free_port, running_collector
from tests.integration.shop import open_shop
from tests.integration.test_collector import event
from tests.system.command import Portrait

pytestmark = pytest.mark.integration


def at(moment: datetime) -> str:
    return moment.isoformat()


def post(collector: RunningCollector, key: str, events: list[Any]) -> int:
    headers = {"Authorization": f"Bearer {key}"}
    return httpx.post(f"{collector.url}/v1/events", json=events, headers=headers, timeout=20).status_code


def command(home: Path, collector: RunningCollector, **more: str) -> Portrait:
    return Portrait(
        home / "portrait",
        {"PORTRAIT_COLLECTOR_URL": collector.url, "PORTRAIT_KEYS": str(collector.keys), **more},
    )


def key_of(portrait: Portrait, *arguments: str) -> str:
    return portrait.run("sources", *arguments).strip()


def test_keys_are_added_rotated_disabled_and_enabled_while_the_collector_runs(kafka: str, tmp_path: Path) -> None:
    with running_collector(kafka, tmp_path) as collector:
        portrait = command(tmp_path, collector)
        first = key_of(portrait, "add", "till", "--allow", "/tests*", "--rate", "1000", "--size", "64")

        def answers(*keys: str) -> list[int]:
            return [post(collector, key, [event()]) for key in keys]

        def becomes(expected: list[int], *keys: str) -> bool:
            return wait_until(lambda: answers(*keys) == expected, 10)

        assert becomes([200], first)
        second = key_of(portrait, "rotate", "till", "--keep-old", "1h")
        assert becomes([200, 200], first, second)
        third = key_of(portrait, "rotate", "till")
        assert becomes([401, 401, 200], first, second, third)
        portrait.run("sources", "disable", "till")
        assert becomes([401], third)
        assert "disabled, ≤ 1,000/s, ≤ 64 KB" in " ".join(portrait.run("sources", "ls").split())
        portrait.run("sources", "enable", "till")
        assert becomes([200], third)
        assert third not in collector.keys.read_text()
        assert "there is a source 'till' already" in portrait.refused("sources", "add", "till")
        assert "there is no source 'tills'" in portrait.refused("sources", "rotate", "tills")
        assert "give 30m, 2h, 3d or 1w" in portrait.refused("sources", "rotate", "till", "--keep-old", "soon")


def test_what_is_counted_of_each_source_is_told_and_what_is_not_known_while_the_collector_is_down(
    kafka: str, tmp_path: Path, new_database: Callable[[], str]
) -> None:
    shop = open_shop(new_database)
    now = datetime.now(UTC)
    with running_collector(kafka, tmp_path) as collector:
        portrait = command(tmp_path, collector, PORTRAIT_DATABASE_URL=shop.url)
        till = key_of(portrait, "add", "till", "--rate", "5")
        assert wait_until(lambda: post(collector, till, []) == 200, 10)
        events = [
            event(time=at(now)),
            event(time=at(now - timedelta(hours=2))),
            event(time=at(now - timedelta(days=9))),
            event(time=at(now + timedelta(hours=1))),
            event(time=at(now), type="unknown.v1"),
            event(time=at(now), data={}),
            7,
        ]
        call = {"type": "track", "event": "Opened", "userId": "u-7", "timestamp": at(now - timedelta(days=3))}
        slow = {"batch": [call], "sentAt": at(now - timedelta(days=3))}
        assert httpx.post(f"{collector.url}/v1/batch", json=slow, auth=(till, "")).is_success
        assert post(collector, till, events) == 200
        assert post(collector, till, [event()]) == 429
        told = portrait.ask("sources", "ls")
        keys = {each["name"]: each for each in told["keys"]}
        assert keys["till"]["counted"] == {
            "received": 8,
            "accepted": 5,
            "late": 2,
            "ahead": 1,
            "skewed": 1,
            "spooled": 0,
            "turned_away": 1,
            "rejected": {"unknown_type": 1, "missing_field": 1, "not_an_object": 1},
        }
        assert keys["tests"]["counted"]["received"] == 0
        assert told["unknown"] == []
        metrics = httpx.get(f"{collector.url}/metrics", timeout=10).text
        assert 'portrait_collector_events_skewed_total{source="till"} 1.0' in metrics
        assert 'portrait_collector_events_late_total{source="till"} 2.0' in metrics
        assert 'portrait_collector_events_ahead_total{source="till"} 1.0' in metrics
    assert told["stored"] == {
        "": {"stored": 0, "duplicates": 0, "rejected": {"not_json": 1}},
        "/shops/hcm-01": {"stored": 7, "duplicates": 0, "rejected": {}},
    }
    down = portrait.ask("sources", "ls")
    assert [each["counted"] for each in down["keys"]] == [None, None]
    assert down["stored"] == told["stored"]
    assert [each.partition(":")[0] for each in down["unknown"]] == ["received, accepted, rejected, late, ahead by key"]
    shown = portrait.run("sources", "ls")
    assert "not known: received, accepted, rejected, late, ahead by key: the collector at" in shown
    assert "/shops/hcm-01" in shown


def test_without_any_server_the_keys_are_listed_and_what_is_not_known_is_said(tmp_path: Path) -> None:
    portrait = Portrait(tmp_path / "home", {"PORTRAIT_DATABASE_URL": f"postgresql://x@127.0.0.1:{free_port()}/x"})
    portrait.home.mkdir()
    key_of(portrait, "add", "till")
    told = portrait.ask("sources", "ls")
    assert [(each["name"], each["counted"]) for each in told["keys"]] == [("till", None)]
    assert (told["stored"], len(told["unknown"])) == (None, 2)
    assert (portrait.home / "keys.yaml").stat().st_mode & 0o777 == 0o600
    assert json.dumps(told)


def test_who_rotates_the_key_of_a_webhook_that_signs_is_told_that_its_secret_stays(tmp_path: Path) -> None:
    portrait = Portrait(tmp_path / "home", {})
    portrait.home.mkdir()
    add_source(portrait.home / "keys.yaml", "page", webhook={"platform": "meta", "secret_file": "page.secret"})
    add_source(portrait.home / "keys.yaml", "till")

    def said(name: str) -> str:
        given = portrait.argv("sources", "rotate", name)
        done = subprocess.run(given, env=portrait.environment(), capture_output=True, text=True, check=True, timeout=60)
        assert len(done.stdout.strip()) == 43
        return " ".join(done.stderr.split())

    assert f"signed with the secret in {portrait.home / 'page.secret'}, which stays as it is" in said("page")
    assert said("till") == ""
