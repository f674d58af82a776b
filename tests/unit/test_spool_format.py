"""A file of the spool that ends too early, or in which bits have turned: what is whole is read, nothing is invented."""

import random
from collections.abc import Callable
from itertools import product

from producers.record import Record
from producers.spool.format import HEADER_BYTES, MAGIC, Damaged, Entry, Kept, Torn, encode_entry, frame, scan

SALT, OTHER = b"8 bytes!", b"8 more!!"

ENTRIES = (
    Entry(1_795_000_000_000, "web", (Record("events.web", b"email:lan@example.vn", "Lan đã gửi".encode()),)),
    Entry(
        1_795_000_000_001,
        "till-3",
        (Record("events.loyalty", None, b""), Record("events.rejected", b"a/0", b"\xff\x00")),
    ),
    Entry(1_795_000_000_002, "", ()),
    Entry(1_795_000_000_003, "zalo", tuple(Record("events.social", b"zalo_id:%d" % n, b"{}" * n) for n in range(9))),
)
FRAMES = [frame(encode_entry(entry), SALT) for entry in ENTRIES]
FILE = b"".join(FRAMES)
ENDS = [sum(map(len, FRAMES[: n + 1])) for n in range(len(FRAMES))]


def of(data: bytes) -> Callable[[int, int], bytes]:
    return lambda offset, size: data[offset : offset + size]


def read(data: bytes, salt: bytes = SALT, start: int = 0) -> list[Kept | Damaged | Torn]:
    parts = list(scan(of(data), salt, start, len(data)))
    assert [start, *(part.end for part in parts)] == [*(part.offset for part in parts), len(data)], "a gap"
    return parts


def entries(data: bytes, salt: bytes = SALT) -> list[Entry]:
    return [part.entry for part in read(data, salt) if isinstance(part, Kept)]


def test_what_was_written_is_read() -> None:
    assert entries(FILE) == list(ENTRIES)
    assert [part.end for part in read(FILE)] == ENDS
    assert read(FILE, start=ENDS[1]) == read(FILE)[2:]
    assert read(b"") == []


def test_of_a_file_cut_off_at_any_byte_all_that_is_whole_is_read_and_the_rest_is_torn() -> None:
    for size in range(len(FILE)):
        whole = [end for end in ENDS if end <= size]
        rest = [] if size in (0, *ENDS) else [Torn(whole[-1] if whole else 0, size)]
        assert read(FILE[:size]) == [*read(FILE)[: len(whole)], *rest], size


def test_any_bit_that_has_turned_costs_the_entry_that_it_is_in_and_no_other() -> None:
    for at, bit in product(range(len(FILE)), range(8)):
        struck = next(number for number, end in enumerate(ENDS) if at < end)
        expected = list(read(FILE))
        expected[struck] = Damaged(expected[struck].offset, expected[struck].end)
        damaged = bytearray(FILE)
        damaged[at] ^= 1 << bit
        assert read(bytes(damaged)) == expected, (at, bit)


def test_what_is_damaged_in_several_places_is_read_in_between() -> None:
    chance = random.Random(6)
    for _ in range(300):
        damaged = bytearray(FILE)
        places = [chance.randrange(len(FILE)) for _ in range(3)]
        for at in places:
            damaged[at] ^= chance.randrange(1, 256)
        changed = [at for at in places if damaged[at] != FILE[at]]
        struck = {next(number for number, end in enumerate(ENDS) if at < end) for at in changed}
        assert entries(bytes(damaged)) == [entry for number, entry in enumerate(ENTRIES) if number not in struck]


def test_bytes_that_are_lost_or_were_never_there_cost_the_entry_they_are_in_and_no_other() -> None:
    middle = ENDS[0] + HEADER_BYTES + 5
    assert entries(FILE[:middle] + FILE[middle + 3 :]) == [ENTRIES[0], *ENTRIES[2:]]
    assert entries(FILE[:middle] + b"?" * 2_000_000 + FILE[middle:]) == [ENTRIES[0], *ENTRIES[2:]]
    assert entries(FILE[: ENDS[1]] + bytes(4096) + FILE[ENDS[1] :]) == list(ENTRIES)


def test_zeros_at_the_end_were_never_written() -> None:
    assert read(FILE + bytes(5000))[-1] == Torn(len(FILE), len(FILE) + 5000)
    assert read(FILE + b"\0")[-1] == Torn(len(FILE), len(FILE) + 1)
    assert read(FILE + bytes(5000) + b"!")[-1] == Damaged(len(FILE), len(FILE) + 5001)


def test_an_event_that_looks_like_a_frame_is_never_read_as_one() -> None:
    forged = frame(encode_entry(Entry(0, "nobody", (Record("events.web", None, b"forged"),))), OTHER)
    honest = Entry(1, "web", (Record("events.web", b"k", forged + MAGIC + forged),))
    written = frame(encode_entry(honest), SALT)
    assert entries(written + FILE) == [honest, *ENTRIES]
    for at in range(HEADER_BYTES):
        assert entries(written[:at] + bytes([written[at] ^ 1]) + written[at + 1 :] + FILE) == list(ENTRIES)


def test_what_belongs_to_another_file_is_damage() -> None:
    assert read(FILE, OTHER) == [Damaged(0, len(FILE))]
    assert entries(FILE[: ENDS[0]] + frame(encode_entry(ENTRIES[2]), OTHER) + FILE[ENDS[0] :]) == list(ENTRIES)


def test_a_whole_frame_that_holds_something_else_is_damage() -> None:
    strange = frame(b"\x93\x01\x02\x03", SALT)
    assert read(strange + FILE)[0] == Damaged(0, len(strange))
    assert entries(strange + FILE) == list(ENTRIES)
