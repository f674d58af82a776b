"""Fields that batch jobs compute, of everybody in one go, and that stay as they are until the next time."""

from __future__ import annotations

from processors.segments.field import Field


def _computed(name: str) -> str:
    return f"view.computed.{name}"


FIELDS: tuple[Field, ...] = (
    Field(
        "adopter_group",
        "text",
        "How soon the customer buys what is new: innovator, early_adopter, early_majority, late_majority or laggard, as "
        "`portrait adopters` computed it last.",
        _computed("adopter_group"),
        True,
    ),
    Field(
        "p_alive",
        "number",
        "The probability that the customer has not left for good, as `portrait predict` computed it last: 0 to 1, in hundredths, "
        "not rounded up. 1 for who bought on one day only.",
        _computed("p_alive"),
        True,
    ),
    Field(
        "purchases_90d",
        "number",
        "On how many days of the 90 after that run the customer is expected to buy: two digits that count, not rounded up.",
        _computed("purchases_90d"),
        True,
    ),
    Field(
        "value_90d",
        "int",
        "What the customer is expected to pay within these 90 days: two digits that count, not rounded up.",
        _computed("value_90d"),
        True,
    ),
    Field(
        "value_top_percent",
        "int",
        "Of those who are expected to pay something then, the best 1, 5, 10, 20, 50 or 100 percent, by how much that is.",
        _computed("value_top_percent"),
        True,
    ),
)

COMPUTED = frozenset(field.name for field in FIELDS)
"""Their names."""
