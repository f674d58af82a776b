"""`portrait activate`, as an operator types it."""

from __future__ import annotations

import csv
import json
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest

from ops.local.home import Home
from ops.local.records import wait_until
from ops.status import report
from sinks.activation.targets import WebhookSettings, target_of
from tests.integration.activating import Activated, change, publish
from tests.integration.shop import NAME
from tests.mailbox import Mailbox
from tests.receiver import OK, SECRET, Answer, Receiver
from tests.system.command import Portrait

pytestmark = pytest.mark.integration


@pytest.fixture
def portrait(activated: Activated, tmp_path: Path) -> Portrait:
    given = {"PORTRAIT_DATABASE_URL": activated.shop.url, "PORTRAIT_KAFKA": activated.kafka, "HOOK_SECRET": SECRET}
    return Portrait(tmp_path / "home", given)


def listed(portrait: Portrait) -> dict[str, dict[str, Any]]:
    return {each["name"]: each for each in json.loads(portrait.run("activate", "ls", "--json"))}


def test_a_webhook_is_added_tried_and_told(
    portrait: Portrait, activated: Activated, receiver: Receiver, tmp_path: Path
) -> None:
    assert "There is no target" in portrait.run("activate", "ls")
    (tmp_path / "secret").write_text(f"{SECRET}\n")
    where = f"file:{tmp_path}/secret"
    followed = ("--segment", "moments", "--action", "entered", "--by", "lan")
    said = portrait.run("activate", "add", "webhook", "crm", receiver.url, "--secret", where, *followed)
    assert "activate test crm" in said
    assert "204 No Content" in portrait.run("activate", "test", "crm")
    ((key, document, _),) = receiver.requests
    assert key.startswith("test/")
    assert (document["test"], document["data"]["segment"]) == (True, "moments")
    publish(activated.kafka, [change(1), change(2, action="left")])
    assert listed(portrait)["crm"]["lag"] == 2
    with subprocess.Popen(
        portrait.argv("activate", "run"), env=portrait.environment(), text=True, stderr=subprocess.PIPE
    ) as run:
        assert wait_until(lambda: len(receiver.effects) == 2, 60)
        assert wait_until(lambda: activated.lag("crm") == 0, 10)
        run.send_signal(signal.SIGINT)
        run.communicate(timeout=30)
    assert run.returncode == 0
    told = listed(portrait)["crm"]
    assert {
        name: told[name]
        for name in ("kind", "segments", "actions", "backfill", "created_by", "lag", "delivered", "skipped")
    } == {
        "kind": "webhook",
        "segments": ["moments"],
        "actions": ["entered"],
        "backfill": False,
        "created_by": "lan",
        "lag": 0,
        "delivered": 1,
        "skipped": 1,
    }
    assert told["settings"]["secret"] == where
    assert SECRET not in activated.shop.ask("select settings::text from portrait.targets")[0][0]


def test_what_was_refused_is_listed_and_sent_again_with_the_same_key(
    portrait: Portrait, activated: Activated, receiver: Receiver
) -> None:
    activated.webhook("crm", receiver.url)
    an = [change(number, activated.shop.an) for number in range(3)]
    receiver.rule = lambda _: Answer(400, body=b"no such segment")
    publish(activated.kafka, an)
    with activated.running():
        assert wait_until(lambda: activated.target("crm").undelivered == 3, 30)
    found = json.loads(portrait.run("activate", "undelivered", "crm", "--json"))
    assert [(each["change"], each["reason"]) for each in found] == [
        (each.change_id, "400 Bad Request no such segment") for each in reversed(an)
    ]
    assert "entered birthday_soon" in portrait.run("activate", "undelivered")
    assert "400 Bad Request" in portrait.run("activate", "resend", "crm", code=1)
    receiver.rule = lambda _: OK
    number = found[1]["id"]
    assert "204" in portrait.run("activate", "resend", "crm", str(number))
    assert receiver.ids == [an[1].change_id]
    portrait.run("activate", "resend", "crm")
    assert receiver.ids == [an[1].change_id, an[0].change_id, an[2].change_id]
    assert "Everything was delivered." in portrait.run("activate", "undelivered", "crm")
    assert "Nothing waits" in portrait.run("activate", "resend", "crm")
    assert f"no dead letter of crm waits with the number {number}" in portrait.refused(
        "activate", "resend", "crm", str(number)
    )
    every = json.loads(portrait.run("activate", "undelivered", "crm", "--all", "--json"))
    assert [(each["attempts"], each["resent_at"] is None) for each in every] == [(3, False)] * 3


def test_a_target_is_paused_resumed_and_removed(portrait: Portrait, activated: Activated, receiver: Receiver) -> None:
    activated.webhook("crm", receiver.url)
    portrait.run("activate", "pause", "crm")
    assert listed(portrait)["crm"]["paused_at"] is not None
    assert "paused" in portrait.run("activate", "ls")
    publish(activated.kafka, [change(1)])
    portrait.run("activate", "resume", "crm")
    receiver.rule = lambda _: Answer(400)
    with activated.running():
        assert wait_until(lambda: activated.target("crm").undelivered == 1, 30)
    assert "1 changes were not delivered" in portrait.refused("activate", "rm", "crm")
    portrait.run("activate", "rm", "crm", "--yes")
    assert listed(portrait) == {}
    assert activated.shop.ask("select count(*) from portrait.undelivered") == [(0,)]
    assert "there is no target crm. List them" in portrait.refused("activate", "pause", "crm")


def test_what_was_lost_is_passed_over_when_somebody_says_so(
    portrait: Portrait, activated: Activated, receiver: Receiver
) -> None:
    activated.webhook("crm", receiver.url)
    publish(activated.kafka, [change(1)])
    activated.shop.ask("update portrait.target_positions set next_offset = next_offset + 1000000")
    with activated.running():
        assert wait_until(lambda: activated.target("crm").paused_at is not None, 30)
        assert "in 4 partition(s)" in portrait.run("activate", "resume", "crm", "--skip-lost")
        assert wait_until(lambda: activated.lag("crm") == 0, 60)
    assert activated.target("crm").paused_at is None


def test_status_names_a_target_and_a_rule_that_fail(
    portrait: Portrait, activated: Activated, receiver: Receiver
) -> None:
    activated.webhook("crm", receiver.url)
    activated.shop.ask("update portrait.targets set problem = '503 Service Unavailable'")
    activated.shop.ask("insert into portrait.segment_failures values ('halves', 'division by zero', 3, now())")
    told = report(Home.at(portrait.home), portrait.given)
    activated.shop.ask("delete from portrait.segment_failures")
    why = "its rule failed for 3 customers, the last time with: division by zero (portrait segments explain halves)"
    assert f"segment halves: {why}" in told.problems
    assert "target crm: 503 Service Unavailable (portrait activate ls)" in told.problems


def test_an_e_mail_is_added_and_tried_on_oneself(portrait: Portrait, box: Mailbox, tmp_path: Path) -> None:
    text = tmp_path / "text.txt"
    text.write_text('Chào {{ customer.full_name or "bạn" }}, chúc mừng sinh nhật!\n', "utf-8")
    server = (
        "--host",
        "127.0.0.1",
        "--port",
        str(box.port),
        "--security",
        "none",
        "--from",
        "Hoa Mai <shop@example.com>",
    )
    message = ("--subject", "Sinh nhật của {{ customer.full_name or 'bạn' }}", "--text", str(text))
    portrait.run("activate", "add", "email", "mail", *server, *message, "--segment", "birthday_soon")
    assert listed(portrait)["mail"]["actions"] == ["entered"]
    assert "--to ADDRESS" in portrait.refused("activate", "test", "mail")
    assert "taken by 127.0.0.1" in portrait.run("activate", "test", "mail", "--to", "lan@example.com")
    (sent,) = box.mails
    assert (sent.to, str(sent.message["Subject"])) == (("lan@example.com",), "[test] Sinh nhật của Trần Thị An")
    text.write_text("Chào {{ customer.nickname }}\n", "utf-8")
    said = portrait.refused("activate", "add", "email", "mail-2", *server, *message)
    assert "the template of the text: 'schemas.activation.Customer object' has no attribute 'nickname'" in said


def test_files_are_added_and_tried(portrait: Portrait, activated: Activated, tmp_path: Path) -> None:
    directory = tmp_path / "files"
    assert "make it first" in portrait.refused("activate", "add", "csv", "files", str(directory))
    directory.mkdir()
    portrait.run("activate", "add", "csv", "files", str(directory), "--trait", "full_name", "--segment", "lifecycle")
    portrait.run("activate", "test", "files")
    (file,) = directory.iterdir()
    assert file.name.startswith("files-test-")
    with open(file, encoding="utf-8", newline="") as opened:
        assert [(row[0], row[1], row[4]) for row in csv.reader(opened)][1:] == [
            (activated.shop.an, "current", NAME),
            (activated.shop.bình, "potential", ""),
        ]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("webhook", "CRM", "http://127.0.0.1:9/", "--secret", "env:HOOK_SECRET"), "is no name"),
        (("webhook", "crm", "127.0.0.1:9", "--secret", "env:HOOK_SECRET"), "no http: or https: address"),
        (("webhook", "crm", "http://127.0.0.1:9/", "--secret", "env:NONE"), "NONE is not set; set it where"),
        (("webhook", "crm", "http://127.0.0.1:9/", "--secret", "env:PATH"), "os.urandom"),
        (("webhook", "crm", "http://127.0.0.1:9/", "--secret", SECRET), "env:NAME or file:PATH"),
        (
            ("webhook", "crm", "http://127.0.0.1:9/", "--secret", "env:HOOK_SECRET", "--action", "came"),
            "say entered or left",
        ),
    ],
)
def test_what_cannot_work_is_said_before_it_is_added(portrait: Portrait, arguments: tuple[str, ...], said: str) -> None:
    assert said in portrait.refused("activate", "add", *arguments)
    assert listed(portrait) == {}


def test_one_name_is_one_target_and_an_unknown_segment_is_pointed_out(portrait: Portrait, activated: Activated) -> None:
    arguments = ("activate", "add", "webhook", "crm", "http://127.0.0.1:9/", "--secret", "env:HOOK_SECRET")
    done = portrait._done((*arguments, "--segment", "birtday_soon"), 60)
    assert done.returncode == 0
    assert "no segment or family birtday_soon" in " ".join(done.stderr.split())
    assert "there is a target crm already" in portrait.refused(*arguments)
    assert isinstance(target_of(activated.target("crm")).settings, WebhookSettings)
    assert portrait.run("activate", "test", "crm", code=1).startswith("✗ crm: ")
