"""Real files into a real Kafka: the sums are those that the files are known to have."""

import csv
import gzip
import json
import os
import subprocess
import threading
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from ops.local.child import Child
from ops.local.records import wait_until
from producers.broker.publisher import Publisher
from producers.files.destinations import CollectorDestination, ImportStopped, KafkaDestination
from producers.files.importer import ImportReport, Progress, import_file
from producers.files.mapping import load_mapping
from producers.keys.changes import add_source
from schemas.codec import read_event, read_json
from schemas.rejected import Rejected
from tests.integration.running_collector import running_collector
from tests.legacy_text import tcvn3, vni, windows_1258
from tests.system.command import Portrait
from tests.topic_reader import cloud_events, records

pytestmark = pytest.mark.integration

DATA = Path(os.environ.get("PORTRAIT_TEST_DATA") or Path(__file__).parents[3] / "shared" / "data")
SCANS, CDNOW = DATA / "loyalty_scans.csv.gz", DATA / "cdnow_sample.csv"
needs_data = pytest.mark.skipif(not SCANS.exists(), reason="the research files are not here (PORTRAIT_TEST_DATA)")


@pytest.fixture
def to_kafka(kafka: str) -> Iterator[KafkaDestination]:
    publisher = Publisher(kafka, timeout=20)
    publisher.wait_connected(10)
    yield KafkaDestination(publisher)
    publisher.close()


def events_of(kafka: str, topic: str, source: str) -> list[dict[str, Any]]:
    return [event for event in cloud_events(kafka, topic) if event["source"] == source]


@needs_data
def test_the_scans_are_all_there_once(kafka: str, to_kafka: KafkaDestination, tmp_path: Path) -> None:
    steps: list[Progress] = []
    report = import_file(SCANS, load_mapping("loyalty_scans"), to_kafka, home=tmp_path, progress=steps.append)
    assert report == ImportReport(rows=75_000, sent=75_000, rejected=0, resumed_at=0, rejects=None)
    assert steps[-1] == Progress(75_000, 75_000, 0, SCANS.stat().st_size, SCANS.stat().st_size)
    events = events_of(kafka, "events.loyalty", "/import/loyalty_scans")
    assert len({event["id"] for event in events}) == len(events) == 75_000
    assert len({event["data"]["customer"]["card_no"] for event in events}) == 2_377
    assert len({event["data"]["basket"]["id"] for event in events}) == 47_243
    assert sum(Decimal(event["data"]["basket"]["total"]["amount"]) for event in events) == Decimal("233935.24")
    assert sum(Decimal(event["data"]["basket"]["items"][0]["amount"]) for event in events) == Decimal("233935.24")
    assert sum(Decimal(event["data"]["basket"].get("discount", 0)) for event in events) == Decimal("40180.91")
    unreadable = [event for event in events[:2_000] if isinstance(read_event(event), Rejected)]
    assert unreadable == []


@needs_data
def test_the_purchases_are_all_there_once(kafka: str, to_kafka: KafkaDestination, tmp_path: Path) -> None:
    report = import_file(CDNOW, load_mapping("cdnow"), to_kafka, home=tmp_path)
    assert (report.rows, report.sent, report.rejected) == (6_919, 6_919, 0)
    events = events_of(kafka, "events.web", "/import/cdnow")
    assert len({event["id"] for event in events}) == len(events) == 6_919
    assert len({event["data"]["customer"]["customer_no"] for event in events}) == 2_357
    assert sum(Decimal(event["data"]["order"]["total"]["amount"]) for event in events) == Decimal("244091.94")


CONTACTS = """registered_at,full_name,email,phone,city,birthday,note
2026-11-23 09:30,Nguyễn Thị Ánh,anh@example.vn,0903 123 456,Đà Nẵng,01/02/1990,x
23/11/2026,Trần Văn Đức,,+84 912 345 678,,,
23/11/2026,Nobody,,,Huế,,
yesterday,Lê Lợi,loi@example.vn,,,,
"""


def test_contacts_are_read_with_the_columns_they_have(kafka: str, to_kafka: KafkaDestination, tmp_path: Path) -> None:
    file, rejects = tmp_path / "contacts.csv", tmp_path / "rejects.jsonl"
    file.write_text(CONTACTS, encoding="utf-8-sig")
    source = f"/contacts/{tmp_path.name}"
    report = import_file(file, load_mapping("contacts"), to_kafka, home=tmp_path, source=source, rejects=rejects)
    assert report == ImportReport(4, 2, 2, 0, rejects)
    people = [(event["time"], event["data"]) for event in events_of(kafka, "events.web", source)]
    form = {"id": "contacts", "kind": "registration"}
    assert sorted(people, key=str) == [
        (
            "2026-11-22T17:00:00Z",
            {"customer": {"full_name": "Trần Văn Đức", "phone": "+84 912 345 678"}, "form": form},
        ),
        (
            "2026-11-23T02:30:00Z",
            {
                "customer": {
                    "email": "anh@example.vn",
                    "phone": "0903 123 456",
                    "full_name": "Nguyễn Thị Ánh",
                    "birthday": "01/02/1990",
                    "address": {"city": "Đà Nẵng"},
                },
                "form": form,
            },
        ),
    ]
    bad = [json.loads(line) for line in rejects.read_text().splitlines()]
    assert [(row["line"], row["column"], row["code"]) for row in bad] == [
        (4, "", "no_identifier"),
        (5, "registered_at", "unreadable_row"),
    ]


def test_a_file_goes_through_a_collector_as_well(kafka: str, tmp_path: Path) -> None:
    file, source = tmp_path / "contacts.csv", "/allowed/contacts"
    lines = [f"2026-11-23 09:30,Person {number},p{number}@example.vn" for number in range(3_000)]
    file.write_text("\n".join(["registered_at,full_name,email", *lines]))
    with running_collector(kafka, tmp_path) as collector:
        destination = CollectorDestination(collector.url, collector.key)
        try:
            report = import_file(file, load_mapping("contacts"), destination, home=tmp_path, source=source)
        finally:
            destination.close()
    assert (report.rows, report.sent, report.rejected) == (3_000, 3_000, 0)
    found = events_of(kafka, "events.web", source)
    assert {event["data"]["customer"]["email"] for event in found} == {
        f"p{number}@example.vn" for number in range(3_000)
    }
    assert len({event["id"] for event in found}) == 3_000


def test_a_key_that_becomes_known_is_enough_for_the_next_import(kafka: str, tmp_path: Path) -> None:
    file, source = tmp_path / "contacts.csv", "/late/contacts"
    file.write_text("registered_at,full_name,email\n2026-11-23 09:30,Lan,lan@example.vn\n")
    with running_collector(kafka, tmp_path) as collector:
        key = add_source(tmp_path / "other.yaml", "late")
        destination = CollectorDestination(collector.url, key)

        def import_it() -> ImportReport:
            return import_file(file, load_mapping("contacts"), destination, home=tmp_path, source=source)

        try:
            with pytest.raises(ImportStopped, match="401"):
                import_it()
            known = yaml.safe_load(collector.keys.read_text())["sources"]
            late = yaml.safe_load((tmp_path / "other.yaml").read_text())["sources"]
            collector.keys.write_text(yaml.safe_dump({"sources": known + late}))
            with httpx.Client(headers={"Authorization": f"Bearer {key}"}) as http:
                url = f"{collector.url}/v1/events"
                assert wait_until(lambda: http.post(url, content=b"[]").status_code != 401, 10, every=0.1)
            assert (import_it().sent, import_it().resumed_at) == (1, 1)
        finally:
            destination.close()


@pytest.mark.crash
def test_an_import_waits_out_a_broker_that_is_away(breakable_kafka: tuple[Child, str], tmp_path: Path) -> None:
    broker, address = breakable_kafka
    file = tmp_path / "contacts.csv"
    lines = [f"2026-11-23 09:30,p{number}@example.vn" for number in range(20_000)]
    file.write_text("\n".join(["registered_at,email", *lines]))
    publisher = Publisher(address, timeout=2)
    publisher.wait_connected(10)
    halfway, reports = threading.Event(), list[ImportReport]()

    def tell(step: Progress) -> None:
        if step.rows >= 5_000:
            halfway.set()

    def run() -> None:
        destination = KafkaDestination(publisher)
        reports.append(import_file(file, load_mapping("contacts"), destination, home=tmp_path, progress=tell))

    importing = threading.Thread(target=run)
    importing.start()
    try:
        assert halfway.wait(30)
        broker.kill()
        assert wait_until(lambda: not publisher.connected, 10)
        broker.start()
        broker.wait_ready()
    finally:
        importing.join()
        publisher.close()
    assert reports == [ImportReport(20_000, 20_000, 0, 0, None)]
    ids = {event["id"] for event in events_of(address, "events.web", "/import/contacts")}
    assert len(ids) == 20_000


def test_what_an_import_sends_can_be_read_by_the_next_stage(
    kafka: str, to_kafka: KafkaDestination, tmp_path: Path
) -> None:
    file, source = tmp_path / "scans.csv.gz", f"/scans/{tmp_path.name}"
    columns = (
        "card_no,store_id,basket_id,scanned_at,product_id,department,product_category,quantity,amount_usd,discount_usd"
    )
    with gzip.open(file, "wt", newline="") as text:
        writer = csv.writer(text)
        writer.writerow(columns.split(","))
        writer.writerow(["906", "319", "1", "2017-01-01T12:30:27Z", "107", "GROCERY", "FISH", "1.0", "1.5", "0.29"])
        writer.writerow(["906", "319", "1", "2017-01-01T12:30:27Z", "108", "PRODUCE", "", "2.0", "0.0", "0.0"])
    import_file(file, load_mapping("loyalty_scans"), to_kafka, home=tmp_path, source=source)
    documents = [read_json(record.value) for record in records(kafka, "events.loyalty")]
    mine = [document for document in documents if isinstance(document, dict) and document["source"] == source]
    read = [read_event(document) for document in mine]
    assert all(not isinstance(verdict, Rejected) for verdict in read)
    assert sorted((verdict[0].id, verdict[1]) for verdict in read if isinstance(verdict, tuple)) == [
        ("1-107", []),
        ("1-108", []),
    ]


PEOPLE = (
    "registered_at,email,full_name\n23/11/2026,lan@example.com,Nguyễn Thị Ánh\n"
    "23/11/2026,hoa@example.com,Trần Đức Hoà\n23/11/2026,an@example.com,An\n"
)
NAMES = {"Nguyễn Thị Ánh", "Trần Đức Hoà", "An"}


@pytest.mark.parametrize(
    "write",
    [lambda text: b"\xef\xbb\xbf" + text.encode(), windows_1258, lambda text: text.encode("utf-16")],
    ids=["utf-8 with a mark", "windows-1258", "utf-16"],
)
def test_the_encoding_of_a_file_is_told_by_its_bytes(kafka: str, tmp_path: Path, write: Callable[[str], bytes]) -> None:
    file, source = tmp_path / "people.csv", f"/import/{tmp_path.name}"
    file.write_bytes(write(PEOPLE))
    portrait = Portrait(tmp_path / "home", {"PORTRAIT_KAFKA": kafka})
    told = portrait.ask("import", "contacts", str(file), "--source", source)
    assert (told["sent"], told["rejected"]) == (3, 0)
    assert {event["data"]["customer"]["full_name"] for event in events_of(kafka, "events.web", source)} == NAMES


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (tcvn3(PEOPLE), "people.csv is not read. It is in TCVN3, the encoding of the fonts"),
        (vni(PEOPLE), "people.csv is not read. It is in VNI, the encoding of the fonts"),
        (b"PK\x03\x04" + bytes(100), "people.csv is not read. It is an Excel workbook"),
    ],
    ids=["tcvn3", "vni", "excel"],
)
def test_a_file_in_an_encoding_of_fonts_or_of_no_text_is_reported_and_nothing_of_it_is_sent(
    kafka: str, tmp_path: Path, content: bytes, says: str
) -> None:
    file, source = tmp_path / "people.csv", f"/import/{tmp_path.name}"
    file.write_bytes(content)
    portrait = Portrait(tmp_path / "home", {"PORTRAIT_KAFKA": kafka})
    assert says in portrait.refused("import", "contacts", str(file), "--source", source)
    assert events_of(kafka, "events.web", source) == []


def test_of_a_file_in_no_known_encoding_the_lines_with_such_bytes_are_refused_and_it_is_said_why(
    kafka: str, tmp_path: Path
) -> None:
    file, source = tmp_path / "people.csv", f"/import/{tmp_path.name}"
    file.write_bytes(
        "registered_at,email,full_name\n23/11/2026,rene@example.com,René\n23/11/2026,an@example.com,An\n".encode(
            "latin-1"
        )
    )
    portrait = Portrait(tmp_path / "home", {"PORTRAIT_KAFKA": kafka})
    done = subprocess.run(
        portrait.argv("import", "contacts", str(file), "--source", source),
        env=portrait.environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "people.csv: It is not UTF-8, and not surely Windows-1258" in " ".join(done.stderr.split())
    assert [event["data"]["customer"]["full_name"] for event in events_of(kafka, "events.web", source)] == ["An"]
