"""How `baskets.csv.gz` and `households.csv` were cut from the Complete Journey sample, once; the result is committed.

    python -m ops.demo.extract loyalty_scans.csv.gz loyalty_households.csv

Whole cards are taken, so that each customer's year is complete: some of the cards whose household answered the survey,
and some of the others. The choice is seeded: the same two files give the same bytes.
"""

from __future__ import annotations

import csv
import gzip
import io
import random
import sys
from decimal import Decimal
from pathlib import Path

SURVEYED_CARDS, OTHER_CARDS = 560, 340
COLUMNS = ("card_no", "store_id", "basket_id", "scanned_at", "sku", "category", "quantity", "amount", "discount")
HERE = Path(__file__).parent


def extract(scans: Path, households: Path) -> tuple[bytes, bytes]:
    """The two committed files, as bytes: baskets (gzip) and households."""
    with gzip.open(scans, "rt", encoding="utf-8", newline="") as file:
        lines = list(csv.DictReader(file))
    with households.open(encoding="utf-8", newline="") as file:
        surveyed = {row["card_no"]: row for row in csv.DictReader(file)}
    chosen = _choose({line["card_no"] for line in lines}, set(surveyed))
    kept = [line for line in lines if line["card_no"] in chosen]
    kept.sort(key=lambda line: (int(line["card_no"]), line["scanned_at"], line["basket_id"], line["product_id"]))
    return _baskets(kept), _households([surveyed[card] for card in sorted(chosen & set(surveyed), key=int)])


def _choose(cards: set[str], surveyed: set[str]) -> set[str]:
    chance = random.Random("portrait demo")
    return {
        *chance.sample(sorted(cards & surveyed), SURVEYED_CARDS),
        *chance.sample(sorted(cards - surveyed), OTHER_CARDS),
    }


def _baskets(lines: list[dict[str, str]]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    basket = None
    for line in lines:
        head = [line["card_no"], line["store_id"], line["basket_id"], line["scanned_at"].removesuffix("Z")]
        same, basket = head[2] == basket, head[2]
        writer.writerow(
            [
                *([""] * 4 if same else head),  # further lines of a basket leave its columns empty
                line["product_id"],
                line["department"],
                _plain(line["quantity"]),
                _plain(line["amount_usd"]),
                _plain(line["discount_usd"]),
            ]
        )
    return gzip.compress(text.getvalue().encode(), compresslevel=9, mtime=0)


def _plain(number: str) -> str:
    return format(Decimal(number).normalize(), "f")


def _households(rows: list[dict[str, str]]) -> bytes:
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


if __name__ == "__main__":
    baskets, stated = extract(Path(sys.argv[1]), Path(sys.argv[2]))
    (HERE / "baskets.csv.gz").write_bytes(baskets)
    (HERE / "households.csv").write_bytes(stated)
