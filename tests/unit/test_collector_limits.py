"""What the collector reads of a body, and what it refuses to be told by its environment."""

import asyncio
import gzip
import tracemalloc
import zlib
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from producers.collector import create_app
from producers.doors.segment import effort, most_repeated
from producers.intake.collector import AT_ONCE_BYTES
from producers.intake.settings import CollectorSettings, SettingsError
from producers.request.body import MAX_BODY_BYTES, Memory, read_body
from producers.request.problems import Problem


def read(*chunks: bytes, gzipped: bool | None = False, memory: Memory | None = None, seconds: float = 5.0) -> bytes:
    async def stream() -> AsyncIterator[bytes]:
        for chunk in chunks:
            yield chunk

    with (memory or Memory(64 * 1024 * 1024)).lease() as lease:
        return asyncio.run(read_body(stream(), gzipped=gzipped, lease=lease, seconds=seconds))


def refusal(*chunks: bytes, gzipped: bool | None = False, memory: Memory | None = None) -> tuple[int, str]:
    with pytest.raises(Problem) as caught:
        read(*chunks, gzipped=gzipped, memory=memory)
    return caught.value.status, caught.value.code


def test_chunks_are_joined() -> None:
    assert read(b"ab", b"", b"c") == b"abc"


def test_gzip_is_inflated_however_it_is_cut() -> None:
    packed = gzip.compress(b"hello ") + gzip.compress("thế giới".encode())
    assert read(*(packed[n : n + 1] for n in range(len(packed))), gzipped=True) == "hello thế giới".encode()
    assert read(packed, gzipped=True) == "hello thế giới".encode()


def test_gzip_that_nobody_spoke_of_is_known_by_its_first_byte() -> None:
    packed = gzip.compress(b'{"a": 1}')
    for chunks in ([packed], [b"", packed[:1], packed[1:]]):
        assert read(*chunks, gzipped=None) == b'{"a": 1}'
    assert read(b'{"a": 1}', gzipped=None) == b'{"a": 1}'
    assert read(packed, gzipped=False) == packed
    assert refusal(gzip.compress(b"x" * (MAX_BODY_BYTES + 1)), gzipped=None) == (413, "too_large")


def test_exactly_the_limit_is_read_and_one_byte_more_is_not() -> None:
    assert len(read(b"x" * MAX_BODY_BYTES)) == MAX_BODY_BYTES
    assert refusal(b"x" * MAX_BODY_BYTES, b"x") == (413, "too_large")
    assert len(read(gzip.compress(b"x" * MAX_BODY_BYTES), gzipped=True)) == MAX_BODY_BYTES
    assert refusal(gzip.compress(b"x" * (MAX_BODY_BYTES + 1)), gzipped=True) == (413, "too_large")


def test_a_bomb_is_not_inflated_beyond_the_limit() -> None:
    packer = zlib.compressobj(9, wbits=31)
    bomb = b"".join(packer.compress(b"\0" * 1024 * 1024) for _ in range(1024)) + packer.flush()
    tracemalloc.start()
    try:
        assert refusal(bomb, gzipped=True) == (413, "too_large")
        assert tracemalloc.get_traced_memory()[1] < 4 * MAX_BODY_BYTES
    finally:
        tracemalloc.stop()


def test_many_small_bombs_are_one_bomb() -> None:
    assert refusal(gzip.compress(b"\0" * 1024 * 1024) * 6, gzipped=True) == (413, "too_large")


@pytest.mark.parametrize(
    "body",
    [b"no gzip", gzip.compress(b"cut off", mtime=0)[:-4], b"", gzip.compress(b"a", mtime=0) + b"tail"],
)
def test_what_is_not_gzip_is_refused(body: bytes) -> None:
    assert refusal(body, gzipped=True) == (400, "not_gzip")


def test_memory_for_all_is_limited_and_given_back() -> None:
    memory = Memory(2000)
    assert refusal(b"x" * 600, b"x" * 600, memory=memory) == (503, "unavailable")
    assert read(b"x" * 1000, memory=memory) == b"x" * 1000


@pytest.mark.parametrize("megabytes", [16, 32, 64, 1024])
def test_the_largest_request_of_all_has_room_when_its_source_sends_no_other(megabytes: int) -> None:
    limit = megabytes * 1024 * 1024
    with Memory(limit).lease("shop") as lease:
        lease.grow(MAX_BODY_BYTES)
        lease.grow(most_repeated(limit))
    assert most_repeated(limit) > 0


def test_a_source_has_as_much_memory_as_is_free_and_leaves_room_for_the_next_one() -> None:
    memory = Memory(1000)

    def most(source: str) -> int:
        """So much of it, byte by byte, one source gets now."""
        for size in range(1001):
            try:
                memory.take(source, 1)
            except Problem:
                return size
        raise AssertionError("there is no end to it")

    assert [most(source) for source in "abc"] == [500, 250, 125]
    assert most("a") == 0
    memory.give_back("a", 500)
    assert most("c") == 250
    for source, size in (("b", 250), ("c", 375)):
        memory.give_back(source, size)
    assert most("d") == 500


def test_a_body_that_does_not_come_is_given_up() -> None:
    async def never() -> AsyncIterator[bytes]:
        yield b"["
        await asyncio.Event().wait()

    async def wait() -> None:
        with Memory(1000).lease() as lease:
            await read_body(never(), gzipped=False, lease=lease, seconds=0.05)

    with pytest.raises(Problem) as caught:
        asyncio.run(wait())
    assert (caught.value.status, caught.value.code) == (408, "too_slow")


def test_a_mistake_of_ours_is_answered_in_a_form_that_clients_and_browsers_can_read(tmp_path: Path) -> None:
    never_started = create_app(CollectorSettings("127.0.0.1:1", tmp_path / "keys.yaml"), None)

    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(never_started, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://collector") as http:
            return await http.post("/v1/track", json={})

    answered = asyncio.run(ask())
    assert (answered.status_code, answered.json()["code"]) == (500, "internal_error")
    assert answered.headers["access-control-allow-origin"] == "*"


def test_many_small_calls_are_not_judged_where_all_requests_wait_for_them() -> None:
    assert effort(len(b'{"batch": [{}]}'), 1) < AT_ONCE_BYTES
    assert effort(len(b'{"batch": [{}]}') + 3 * 2_000, 2_000) > effort(0, 25) > AT_ONCE_BYTES


def test_settings_have_defaults(tmp_path: Path) -> None:
    keys = tmp_path / "keys.yaml"
    keys.touch()
    environ = {"PORTRAIT_KAFKA": "kafka-1:9092, kafka-2:9092", "PORTRAIT_KEYS": str(keys)}
    spool = tmp_path / "spool"
    assert CollectorSettings.from_environment(environ) == CollectorSettings(
        "kafka-1:9092, kafka-2:9092", keys, spool=spool
    )
    more = environ | {"PORTRAIT_COLLECTOR_HOST": "0.0.0.0", "PORTRAIT_COLLECTOR_PORT": "80"}
    more |= {"PORTRAIT_COLLECTOR_MEMORY_MB": "16", "PORTRAIT_SPOOL": "/srv/spool", "PORTRAIT_SPOOL_MB": "5"}
    more["PORTRAIT_COLLECTOR_PROCESSES"] = "1"
    more["PORTRAIT_COLLECTOR_PUBLIC_URL"] = "https://events.example.com/portrait/"
    assert CollectorSettings.from_environment(more) == CollectorSettings(
        "kafka-1:9092, kafka-2:9092",
        keys,
        "0.0.0.0",
        80,
        in_flight_bytes=16 * 1024 * 1024,
        processes=1,
        spool=Path("/srv/spool"),
        spool_bytes=5 * 1024 * 1024,
        public_url="https://events.example.com/portrait",
    )
    assert CollectorSettings.from_environment(environ | {"PORTRAIT_SPOOL": "off"}).spool is None


@pytest.mark.parametrize(
    ("name", "value", "advice"),
    [
        ("PORTRAIT_KAFKA", "", "PORTRAIT_KAFKA is not set"),
        ("PORTRAIT_KAFKA", "localhost", "is not HOST:PORT"),
        ("PORTRAIT_KEYS", "", "PORTRAIT_KEYS is not set"),
        ("PORTRAIT_KEYS", "/nowhere/keys.yaml", "there is no file /nowhere/keys.yaml"),
        ("PORTRAIT_COLLECTOR_PORT", "http", "is not a whole number from 0 to 65535"),
        ("PORTRAIT_COLLECTOR_PORT", "65536", "is not a whole number"),
        ("PORTRAIT_COLLECTOR_MEMORY_MB", "1", "is not a whole number from 16"),
        ("PORTRAIT_COLLECTOR_PROCESSES", "3", "is not a whole number from 1 to 2"),
        ("PORTRAIT_COLLECTOR_PUBLIC_URL", "events.example.com", "is not an address such as https://"),
        ("PORTRAIT_SPOOL_MB", "0", "is not a whole number from 1 "),
    ],
)
def test_a_wrong_setting_is_named_with_what_to_do(tmp_path: Path, name: str, value: str, advice: str) -> None:
    keys = tmp_path / "keys.yaml"
    keys.touch()
    environ = {"PORTRAIT_KAFKA": "localhost:9092", "PORTRAIT_KEYS": str(keys), name: value}
    with pytest.raises(SettingsError, match=advice):
        CollectorSettings.from_environment(environ)
