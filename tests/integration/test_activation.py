"""Activation: other systems are told of segment changes, through kills and outages, each change once."""

from __future__ import annotations

import csv
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from urllib.request import urlopen

import msgspec
import pytest

from ops.local.child import Child
from ops.local.records import wait_until
from sinks.activation.feed import Unavailable
from sinks.activation.targets import CsvSettings, EmailSettings
from sinks.postgres.store import PostgresStore
from sinks.postgres.targets import Letter
from tests.integration.activating import ROOT, Activated, change, ends, publish, targets
from tests.integration.shop import EMAIL, NAME, event, open_shop
from tests.mailbox import Mailbox, mailbox
from tests.receiver import OK, Answer, Receiver, Request, free_port, receiving
from tests.stories import DAY, feed

pytestmark = pytest.mark.integration

GOOD_SECRET = '{"secret": "env:HOOK_SECRET"}'
SHOP_MAIL = "Cửa hàng Hoa Mai <shop@example.com>"


def letters(activated: Activated, name: str, *, waiting: bool = True) -> list[Letter]:
    with targets(activated.shop) as store:
        return store.letters(activated.target(name).id, waiting=waiting)


def failing(status: int, **headers: str) -> Callable[[Request], Answer]:
    return lambda _: Answer(status, headers)


def test_a_webhook_is_told_of_what_it_follows_in_order(activated: Activated, receiver: Receiver) -> None:
    activated.webhook("crm", receiver.url, segments=("moments",))
    an = [change(number, activated.shop.an) for number in range(20)]
    unwanted = [
        change(90, activated.shop.an, backfill=True),
        change(91, activated.shop.an, segment="new", family="lifecycle"),
    ]
    publish(activated.kafka, [*an[:10], *unwanted, *an[10:]])
    with activated.running():
        assert wait_until(lambda: len(receiver.effects) == 20, 30)
        assert wait_until(lambda: activated.lag("crm") == 0, 10)
    assert receiver.ids == [each.change_id for each in an]
    assert receiver.effects[an[3].change_id]["data"]["reason"] == "sinh nhật trong 7 ngày"
    assert len(receiver.requests) == 20
    stored = activated.target("crm")
    assert (stored.delivered, stored.skipped, stored.undelivered, stored.problem) == (20, 2, 0, None)


def test_changes_that_nobody_made_just_now_are_for_targets_that_ask_for_them(
    activated: Activated, receiver: Receiver
) -> None:
    with receiving() as asking:
        activated.webhook("birthdays", receiver.url)
        activated.webhook("mirror", asking.url, backfill=True)
        publish(activated.kafka, [*(change(number, backfill=True) for number in range(300)), change(300)])
        with activated.running():
            assert wait_until(lambda: len(asking.effects) == 301, 60)
            assert wait_until(lambda: activated.lag("birthdays") == 0, 10)
    assert [document["data"].get("backfill", False) for document in receiver.effects.values()] == [False]


def test_a_new_target_begins_with_what_comes_after_it_was_added(activated: Activated, receiver: Receiver) -> None:
    publish(activated.kafka, [change(1)])
    activated.webhook("crm", receiver.url)
    after = change(2)
    publish(activated.kafka, [after])  # nothing runs yet
    with activated.running():
        assert wait_until(lambda: receiver.effects, 30)
        assert wait_until(lambda: activated.lag("crm") == 0, 10)
    assert receiver.ids == [after.change_id]


def test_killed_over_and_over_each_change_has_one_effect_and_none_is_lost(
    activated: Activated, receiver: Receiver
) -> None:
    activated.webhook("crm", receiver.url)
    customers = [f"00000000-0000-7000-8000-{number:012d}" for number in range(1, 9)]
    told = [change(number, customers[number % 8]) for number in range(400)]
    publish(activated.kafka, told)
    chance = random.Random(7)
    kills = 0
    while kills < 6:
        with activated.start() as service:
            goal = len(receiver.effects) + chance.randrange(1, 40)
            assert wait_until(lambda: len(receiver.effects) >= goal, 60)  # noqa: B023
            service.kill()
            service.communicate(timeout=30)
        kills += 1
    assert len(receiver.effects) < 400, "it was killed after everything was done: this test proves nothing"
    with activated.running():
        assert wait_until(lambda: len(receiver.effects) == 400, 60)
        assert wait_until(lambda: activated.lag("crm") == 0, 10)
    assert set(receiver.ids) == {each.change_id for each in told}
    for customer in customers:
        own = [key for key in receiver.ids if key.startswith(customer)]
        assert own == [each.change_id for each in told if each.customer_id == customer]
    assert activated.target("crm").delivered <= len(receiver.requests)


def test_what_was_told_and_not_written_down_is_told_again_with_the_same_key(
    activated: Activated, receiver: Receiver
) -> None:
    activated.webhook("crm", receiver.url)
    an = [change(number, activated.shop.an) for number in range(5)]
    publish(activated.kafka, an)
    with activated.start(PORTRAIT_CRASH_AT="activation_told:3") as killed:
        killed.communicate(timeout=60)
    assert killed.returncode == -signal.SIGKILL
    assert [request.id for request in receiver.requests] == [each.change_id for each in an[:3]]
    with activated.running():
        assert wait_until(lambda: len(receiver.effects) == 5, 30)
    assert [request.id for request in receiver.requests] == [each.change_id for each in (*an[:3], *an[2:])]
    assert receiver.ids == [each.change_id for each in an]


def test_a_target_that_is_down_holds_up_only_itself_and_misses_nothing(
    activated: Activated, receiver: Receiver
) -> None:
    with receiving() as down:
        down.rule = failing(503)
        activated.webhook("down", down.url)
        activated.webhook("closed", f"http://127.0.0.1:{free_port()}/")
        activated.webhook("up", receiver.url)
        an = [change(number, activated.shop.an) for number in range(30)]
        publish(activated.kafka, an)
        with activated.running():
            assert wait_until(lambda: len(receiver.effects) == 30, 30)
            assert wait_until(lambda: activated.target("closed").problem is not None, 30)
            assert wait_until(lambda: len(down.requests) >= 2, 30)
            assert {request.id for request in down.requests} == {an[0].change_id}
            stored = activated.target("down")
            assert (stored.problem, stored.failing_since is None) == ("503 Service Unavailable", False)
            down.rule = lambda _: OK
            assert wait_until(lambda: len(down.effects) == 30, 30)
        assert down.ids == [each.change_id for each in an]
        stored = activated.target("down")
        assert (stored.problem, stored.failing_since, stored.undelivered) == (None, None, 0)


def test_who_asks_to_be_left_alone_is(activated: Activated, receiver: Receiver) -> None:
    activated.webhook("crm", receiver.url)
    answers = [Answer(429, {"Retry-After": "2"})]
    times: list[float] = []

    def rule(_: Request) -> Answer:
        times.append(time.monotonic())
        return answers.pop() if answers else OK

    receiver.rule = rule
    publish(activated.kafka, [change(1)])
    with activated.running():
        assert wait_until(lambda: receiver.effects, 30)
    assert times[1] - times[0] >= 2


def test_a_change_that_is_refused_is_a_dead_letter_and_the_next_ones_go_on(
    activated: Activated, receiver: Receiver
) -> None:
    activated.webhook("crm", receiver.url)
    an = [change(number, activated.shop.an) for number in range(5)]
    receiver.rule = lambda request: Answer(422, body=b"no") if request.id == an[1].change_id else OK
    publish(activated.kafka, [an[0], an[1], b"\xff not ours", *an[2:]])
    with activated.running():
        assert wait_until(lambda: len(receiver.effects) == 4, 30)
        assert wait_until(lambda: activated.lag("crm") == 0, 10)
    assert receiver.ids == [an[number].change_id for number in (0, 2, 3, 4)]
    found = {each.change: each for each in letters(activated, "crm")}
    refused = found.pop(an[1].change_id)
    assert (refused.customer, refused.attempts, refused.resent_at) == (activated.shop.an, 1, None)
    assert refused.reason.startswith("422 ")
    ((where, alien),) = found.items()
    assert where.startswith("segment-changes/")
    assert (alien.message, alien.attempts) == (b"\xff not ours", 0)
    assert activated.target("crm").undelivered == 2


def test_an_answer_that_no_database_can_hold_trips_nobody(activated: Activated, receiver: Receiver) -> None:
    activated.webhook("crm", receiver.url)
    an = [change(number, activated.shop.an) for number in range(2)]
    alien = change(2, "\0đ")
    answers = [Answer(503, body=b"\0\xff"), Answer(400, body=b"\0\xff"), Answer(400), Answer(410, body=b"\0")]
    receiver.rule = lambda _: answers.pop(0)
    publish(activated.kafka, [an[0], msgspec.structs.replace(alien, change_id="x/y/1")])
    with activated.running():
        assert wait_until(lambda: activated.target("crm").undelivered == 2, 30)
        publish(activated.kafka, an[1:])
        assert wait_until(lambda: activated.target("crm").paused_because is not None, 30)
    found = {each.change: each.customer for each in letters(activated, "crm")}
    assert found.pop("x/y/1") == "\ufffdđ"
    assert (set(found), answers) == ({an[0].change_id}, [])
    assert activated.target("crm").paused_because == "it wants to hear no more: 410 Gone \ufffd"


def test_a_change_that_fails_too_often_is_a_dead_letter_and_the_next_ones_go_on(
    activated: Activated, receiver: Receiver
) -> None:
    activated.webhook("crm", receiver.url, max_attempts=2)
    an = [change(number, activated.shop.an) for number in range(3)]
    receiver.rule = lambda request: Answer(500) if request.id == an[0].change_id else OK
    publish(activated.kafka, an)
    with activated.running():
        assert wait_until(lambda: len(receiver.effects) == 2, 30)
    assert [request.id for request in receiver.requests] == [an[number].change_id for number in (0, 0, 1, 2)]
    assert [(each.change, each.attempts, each.reason) for each in letters(activated, "crm")] == [
        (an[0].change_id, 2, "500 Internal Server Error")
    ]


def test_a_target_that_has_been_silent_for_too_long_is_tried_once_a_change(
    activated: Activated, receiver: Receiver
) -> None:
    activated.webhook("crm", receiver.url, max_hours=1.0)
    activated.shop.ask("update portrait.targets set failing_since = now() - interval '2 hours', problem = '503'")
    receiver.rule = failing(503)
    publish(activated.kafka, [change(number) for number in range(4)])
    with activated.running():
        assert wait_until(lambda: activated.target("crm").undelivered == 4, 30)
        receiver.rule = lambda _: OK
        publish(activated.kafka, [change(4)])
        assert wait_until(lambda: receiver.effects, 30)
    assert len(receiver.requests) == 5
    assert activated.target("crm").failing_since is None


def test_a_target_that_wants_to_hear_no_more_is_paused_and_loses_nothing(
    activated: Activated, receiver: Receiver
) -> None:
    activated.webhook("crm", receiver.url)
    an = [change(number, activated.shop.an) for number in range(3)]
    receiver.rule = lambda request: Answer(410) if request.id == an[1].change_id else OK
    publish(activated.kafka, an)
    with activated.running():
        assert wait_until(lambda: activated.target("crm").paused_at is not None, 30)
        assert activated.target("crm").paused_because == "it wants to hear no more: 410 Gone"
        receiver.rule = lambda _: OK
        with targets(activated.shop) as store:
            store.resume(activated.target("crm").id)
        assert wait_until(lambda: len(receiver.effects) == 3, 30)
    assert receiver.ids == [each.change_id for each in an]
    assert activated.target("crm").undelivered == 0


def test_targets_are_paused_resumed_added_and_removed_while_it_runs(activated: Activated, receiver: Receiver) -> None:
    an = [change(number, activated.shop.an) for number in range(4)]
    with activated.running(), targets(activated.shop) as store:
        activated.webhook("crm", receiver.url)
        publish(activated.kafka, an[:1])
        assert wait_until(lambda: len(receiver.effects) == 1, 15)
        number = activated.target("crm").id
        store.pause(number)
        assert wait_until(lambda: store.hold(number), 15), "the follower did not let go"
        store.close()
        publish(activated.kafka, an[1:3])
        assert activated.lag("crm") == 2
        store.resume(number)
        assert wait_until(lambda: len(receiver.effects) == 3, 15)
        assert store.remove("crm")
        assert wait_until(lambda: store.hold(number), 15), "the follower did not let go"
        publish(activated.kafka, an[3:])
    assert receiver.ids == [each.change_id for each in an[:3]]


def test_of_two_services_one_delivers_to_a_target(activated: Activated, receiver: Receiver) -> None:
    activated.webhook("crm", receiver.url)
    an = [change(number, activated.shop.an) for number in range(60)]
    with activated.running(), activated.running():
        publish(activated.kafka, an[:30])
        publish(activated.kafka, an[30:])
        assert wait_until(lambda: len(receiver.effects) == 60, 30)
        assert wait_until(lambda: activated.lag("crm") == 0, 10)
    assert [request.id for request in receiver.requests] == [each.change_id for each in an]


def test_it_ends_within_seconds_though_a_target_hangs_and_says_how_far_it_is(
    activated: Activated, receiver: Receiver
) -> None:
    activated.webhook("hanging", receiver.url, timeout=60.0)
    an = [change(number, activated.shop.an) for number in range(3)]
    receiver.rule = lambda request: Answer(drip=True) if request.id == an[2].change_id else OK
    publish(activated.kafka, an)
    with activated.start() as service:
        assert wait_until(lambda: len(receiver.requests) == 3, 60)
        begun = time.monotonic()
        service.send_signal(signal.SIGTERM)
        said = service.communicate(timeout=30)[1]
    assert (service.returncode, time.monotonic() - begun < 10) == (0, True), said
    assert activated.lag("hanging") == 1
    assert [secret for secret in (NAME, EMAIL, "whsec_") if secret in said] == []


def test_it_counts_what_it_does(activated: Activated, receiver: Receiver) -> None:
    with receiving() as down:
        down.rule = failing(503)
        activated.webhook("crm", receiver.url)
        activated.webhook("down", down.url)
        publish(activated.kafka, [change(1), change(2, backfill=True)])
        port = free_port()
        with activated.start(PORTRAIT_METRICS_PORT=str(port)) as service:
            try:
                wanted = {
                    'portrait_activation_delivered_total{target="crm"} 1.0',
                    'portrait_activation_skipped_total{target="crm",why="backfill"} 1.0',
                    'portrait_activation_failing{target="down"} 1.0',
                    'portrait_activation_lag_changes{target="crm"} 0.0',
                    'portrait_activation_lag_changes{target="down"} 2.0',
                }
                told: set[str] = set()

                def counted() -> bool:
                    try:
                        with urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
                            told.clear()
                            told.update(answer.read().decode().splitlines())
                    except OSError:
                        return False
                    return wanted <= told

                assert wait_until(counted, 40), wanted - told
                assert any(line.startswith('portrait_activation_retried_total{target="down"}') for line in told)
            finally:
                service.send_signal(signal.SIGTERM)
                service.communicate(timeout=30)


def test_it_goes_on_after_its_sessions_were_ended(activated: Activated, receiver: Receiver) -> None:
    activated.webhook("crm", receiver.url)
    told = [change(number, activated.shop.an) for number in range(4)]
    with activated.running():
        for number, each in enumerate(told):
            publish(activated.kafka, [each])
            assert wait_until(lambda: len(receiver.effects) == number + 1, 30)  # noqa: B023
            activated.shop.ask(
                "select pg_terminate_backend(pid) from pg_stat_activity "
                "where application_name = 'portrait-activation' and datname = current_database()"
            )
    assert receiver.ids == [each.change_id for each in told]


@pytest.mark.parametrize("fault", ["frozen", "killed"])
def test_it_goes_on_after_kafka_was_away(
    new_database: Callable[[], str], receiver: Receiver, breakable_kafka: tuple[Child, str], fault: str
) -> None:
    broker, address = breakable_kafka
    activated = Activated(open_shop(new_database), address)
    activated.webhook("crm", receiver.url)
    first, second = change(1), change(2)
    publish(address, [first])
    with activated.running():
        assert wait_until(lambda: len(receiver.effects) == 1, 30)
        if fault == "frozen":
            broker.freeze()
            with pytest.raises(Unavailable):
                ends(address)
            broker.thaw()
        else:
            broker.kill()
            broker.start()
            broker.wait_ready()
        publish(address, [second])
        assert wait_until(lambda: len(receiver.effects) == 2, 60)
    assert receiver.ids == [first.change_id, second.change_id]


def test_changes_that_were_deleted_before_they_were_told_pause_the_target(
    activated: Activated, receiver: Receiver
) -> None:
    activated.webhook("crm", receiver.url)
    publish(activated.kafka, [change(1)])
    beyond = {number: end + 1_000 for number, end in ends(activated.kafka).items()}
    with targets(activated.shop) as store:
        store.resume(activated.target("crm").id, beyond)
    with activated.running():
        assert wait_until(lambda: activated.target("crm").paused_at is not None, 30)
    assert "resume --skip-lost" in (activated.target("crm").paused_because or "")
    assert receiver.requests == []


def agree(activated: Activated, consent: str) -> None:
    """Let An have said so."""
    activated.shop.ask(
        "update portrait.customers set segments = '{birthday_soon}', state = "
        "jsonb_set(state::jsonb, '{statuses}', jsonb_build_object('consent:email', jsonb_build_array(%s, 0, 'e')))::text"
        " where id = %s",
        consent,
        activated.shop.an,
    )


def mail(box: Mailbox, **changed: object) -> EmailSettings:
    return EmailSettings(
        host="127.0.0.1",
        port=box.port,
        security="none",
        sender=SHOP_MAIL,
        subject="Chúc mừng sinh nhật {{ customer.full_name }}",
        text="Chào {{ customer.full_name }}, {{ change.reason }}.",
        **changed,  # type: ignore[arg-type]
    )


def test_a_customer_who_agreed_is_written_to_once_though_the_topic_has_the_change_twice(
    activated: Activated, box: Mailbox
) -> None:
    agree(activated, "given")
    activated.add("mail", mail(box), actions=("entered",))
    greeting = change(1, activated.shop.till)  # an id that leads to An by now
    publish(activated.kafka, [greeting, greeting, change(2, activated.shop.bình), change(3)])
    with activated.running():
        assert wait_until(lambda: activated.lag("mail") == 0, 30)
    (sent,) = box.mails
    assert (sent.to, str(sent.message["Subject"])) == ((EMAIL,), f"Chúc mừng sinh nhật {NAME}")
    text = sent.message.get_body(("plain",))
    assert text is not None
    assert text.get_content().strip() == f"Chào {NAME}, sinh nhật trong 7 ngày."
    stored = activated.target("mail")
    assert (stored.delivered, stored.skipped, stored.undelivered) == (1, 3, 0)


def test_who_withdrew_consent_is_not_written_to(activated: Activated, box: Mailbox) -> None:
    agree(activated, "withdrawn")
    activated.add("mail", mail(box, require_consent=False))
    publish(activated.kafka, [change(1, activated.shop.an)])
    with activated.running():
        assert wait_until(lambda: activated.lag("mail") == 0, 30)
    assert (box.mails, activated.target("mail").skipped) == ([], 1)


def test_mail_waits_for_a_server_that_is_away(activated: Activated) -> None:
    agree(activated, "given")
    port = free_port()
    activated.add("mail", mail(Mailbox(port)))
    publish(activated.kafka, [change(1, activated.shop.an)])
    with activated.running():
        assert wait_until(lambda: activated.target("mail").problem is not None, 30)
        with mailbox(port=port) as box:
            assert wait_until(lambda: len(box.mails) == 1, 30)
            assert wait_until(lambda: activated.target("mail").delivered == 1, 10)


def lines(file: Path) -> list[list[str]]:
    with open(file, encoding="utf-8", newline="") as opened:
        return list(csv.reader(opened))


def test_a_file_shows_who_is_in_which_segment_and_a_new_one_is_written_when_that_changes(
    activated: Activated, tmp_path: Path
) -> None:
    shop = activated.shop
    activated.add("files", CsvSettings(directory=str(tmp_path), every_minutes=0.02, traits=("full_name",)))

    def files() -> list[Path]:
        return sorted(tmp_path.glob("files-*.csv"))

    with activated.running():
        assert wait_until(lambda: len(files()) == 1, 30)
        head, *members = lines(files()[0])
        assert head == ["customer_id", "segment", "since", "reason", "full_name"]
        assert [(row[0], row[1], row[4]) for row in members] == [
            (shop.an, "current", NAME),
            (shop.bình, "potential", ""),
        ]
        store = PostgresStore(shop.url)
        try:
            feed(store, [event(20, DAY, {"card_no": "77"})], first=8)
        finally:
            store.close()
        publish(activated.kafka, [change(1, shop.an, backfill=True)])
        assert wait_until(lambda: len(files()) == 2, 30)
        assert len(lines(files()[1])) == 4
        assert wait_until(lambda: activated.lag("files") == 0, 10)
        publish(activated.kafka, [b"not ours"])
        assert wait_until(lambda: activated.lag("files") == 0, 10)
    assert len(files()) == 2
    assert not list(tmp_path.glob(".*"))


def test_a_directory_that_is_missing_is_a_problem_that_passes(activated: Activated, tmp_path: Path) -> None:
    directory = tmp_path / "later"
    activated.add("files", CsvSettings(directory=str(directory)))
    with activated.running():
        assert wait_until(lambda: "No such file" in (activated.target("files").problem or ""), 30)
        directory.mkdir()
        assert wait_until(lambda: len(list(directory.glob("*.csv"))) == 1, 30)
    assert activated.target("files").problem is None


def test_a_secret_that_is_missing_is_shown_and_holds_up_nobody_else(activated: Activated, receiver: Receiver) -> None:
    activated.webhook("crm", receiver.url)
    activated.webhook("poor", receiver.url)
    activated.shop.ask(
        """update portrait.targets set settings = settings || '{"secret": "env:NONE"}' where name = 'poor'"""
    )
    publish(activated.kafka, [change(1)])
    with activated.running():
        assert wait_until(lambda: "NONE is not set" in (activated.target("poor").problem or ""), 30)
        assert wait_until(lambda: receiver.effects, 30)
    assert (activated.target("poor").undelivered, activated.lag("poor")) == (0, 1)


def test_a_target_that_can_start_at_last_has_no_problem_though_it_has_nothing_to_tell(
    activated: Activated, receiver: Receiver
) -> None:
    activated.webhook("poor", receiver.url)
    activated.shop.ask("""update portrait.targets set settings = settings || '{"secret": "env:NONE"}'""")
    with activated.running():
        assert wait_until(lambda: activated.target("poor").failing_since is not None, 30)
        activated.shop.ask("update portrait.targets set settings = settings || %s::jsonb", GOOD_SECRET)
        assert wait_until(lambda: activated.target("poor").failing_since is None, 30)
    assert (activated.target("poor").problem, receiver.requests) == (None, [])


def test_settings_that_cannot_be_read_are_shown_and_hold_up_nobody_else(
    activated: Activated, receiver: Receiver
) -> None:
    activated.webhook("crm", receiver.url)
    activated.webhook("newer", receiver.url)
    activated.shop.ask("""update portrait.targets set settings = '{"colour": 1}' where name = 'newer'""")
    publish(activated.kafka, [change(1)])
    with activated.running():
        assert wait_until(lambda: receiver.effects, 30)
        assert wait_until(lambda: "cannot be read" in (activated.target("newer").problem or ""), 10)


def test_what_is_settled_is_forgotten_when_the_topic_cannot_have_it_any_more(activated: Activated) -> None:
    activated.webhook("crm", "http://127.0.0.1:9/")
    activated.shop.ask(
        "insert into portrait.told select id, 'a/b/' || days, now() - make_interval(days => days) "
        "from portrait.targets, unnest(array[1, 90, 92]) as days"
    )
    activated.shop.ask(
        "insert into portrait.undelivered (target_id, change_id, customer_id, message, reason, attempts, resent_at) "
        "select id, 'a/b/' || days, '', '', '', 1, now() - make_interval(days => nullif(days, 0)) "
        "from portrait.targets, unnest(array[0, 1, 90, 92]) as days"
    )
    with targets(activated.shop) as store:
        store.forget()
    assert activated.shop.ask("select change_id from portrait.told order by at") == [("a/b/90",), ("a/b/1",)]
    assert sorted(activated.shop.ask("select change_id from portrait.undelivered")) == [
        ("a/b/0",),
        ("a/b/1",),
        ("a/b/90",),
    ]


def test_without_settings_or_tables_it_says_what_is_missing(new_database: Callable[[], str], kafka: str) -> None:
    command = [sys.executable, "-m", "sinks.activation"]
    bare = {key: value for key, value in os.environ.items() if not key.startswith("PORTRAIT_")}
    run = subprocess.run(command, cwd=ROOT, env=bare, capture_output=True, text=True, timeout=60, check=False)
    assert (run.returncode, "PORTRAIT_KAFKA" in run.stderr) == (2, True)
    empty = {**bare, "PORTRAIT_KAFKA": kafka, "PORTRAIT_DATABASE_URL": new_database()}
    run = subprocess.run(command, cwd=ROOT, env=empty, capture_output=True, text=True, timeout=60, check=False)
    assert (run.returncode, "portrait.targets" in run.stderr) == (1, True)
