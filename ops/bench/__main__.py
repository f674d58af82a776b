"""`python -m ops.bench`: the same as `portrait bench`."""

from __future__ import annotations

import argparse
import signal
import sys
from pathlib import Path

import msgspec

from ops.bench.run import MEASUREMENTS, Sizes, run_bench
from ops.local.home import LocalStackError


def main(arguments: list[str] | None = None) -> int:
    """0 when everything was measured; whether the goals are met is for the reader to judge."""
    normal = Sizes()
    parser = argparse.ArgumentParser(
        prog="python -m ops.bench",
        description="Measure, on this machine and on a stack of its own, "
        + "; ".join(f"({letter}) {about}" for letter, about in MEASUREMENTS.items()),
    )
    parser.add_argument("--only", default="", metavar="a,b,…", help="these measurements (default: all)")
    parser.add_argument(
        "--quick", action="store_true", help="small sizes: shows that the bench works, not how fast we are"
    )
    for name, about in (
        ("events", "events in (a), (b) and (e)"),
        ("customers", "customers that the events are about"),
        ("workers", "Faust workers"),
        ("batch", "events a request, in (b) and (c)"),
        ("population", "customers in the store beforehand, in (e)"),
        ("stages", "events in (d)"),
        ("flat", "events in the larger run of (f)"),
    ):
        parser.add_argument(f"--{name}", type=int, metavar="N", help=f"{about} (default: {getattr(normal, name):,})")
    parser.add_argument("--seconds", type=float, help=f"how long (c) takes (default: {normal.seconds:g})")
    parser.add_argument("--rate", type=float, help="events a second in (c) (default: half of what (b) reached)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the results as JSON")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write the tables as Markdown")
    parser.add_argument(
        "--place", type=Path, metavar="DIR", help="where the stacks live meanwhile (default: temporary files)"
    )
    asked = parser.parse_args(arguments)
    given = {
        name: value for name, value in vars(asked).items() if name in Sizes.__struct_fields__ and value is not None
    }
    sizes = msgspec.structs.replace(Sizes.quick() if asked.quick else normal, **given)
    only = [letter for letter in asked.only.replace(",", " ").split() if letter]
    # Told to end, as by Ctrl-C: the stack is stopped and its directory removed.
    before = signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        run_bench(only, sizes=sizes, json_file=asked.json, markdown_file=asked.markdown, place=asked.place)
    except LocalStackError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    finally:
        signal.signal(signal.SIGTERM, before)
    return 0


if __name__ == "__main__":
    sys.exit(main())
