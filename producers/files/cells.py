"""The value of one column, turned into what an event wants: in this order, and each step only when asked for."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from producers.composed import composed

_DECIMAL = re.compile(r"([+-]?)([0-9]*)(?:\.([0-9]+))?")


class Unreadable(Exception):
    """A row cannot become an event. `column` is the one to blame."""

    def __init__(self, column: str, message: str) -> None:
        super().__init__(f"{column}: {message}")
        self.column = column
        self.message = message


class Cell(BaseModel):
    """`{column: NAME, …}` in a mapping.

    `strip`: white space around it goes (default). `empty`: texts that mean nothing, such as NA; they and "" become
    `default`, or are left out. `case`: lower or upper. `map`: texts replaced by others; `strict`: no others allowed.
    `decimal`: an amount with a decimal comma or point, with or without thousands. `negate`: its sign is turned.
    `dates`: formats (strptime) of a date, made ISO. `to`: a whole number, or true or false, instead of text.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    column: str
    strip: bool = True
    empty: list[str] = []
    default: str | None = None
    case: Literal["lower", "upper"] | None = None
    map: dict[str, str] | None = None
    strict: bool = False
    decimal: Literal["point", "comma"] | None = None
    negate: bool = False
    dates: list[str] | None = Field(default=None, min_length=1)
    to: Literal["text", "integer", "boolean"] = "text"

    @field_validator("empty")
    @classmethod
    def _composed_texts(cls, texts: list[str]) -> list[str]:
        return [*map(composed, texts)]

    @field_validator("map")
    @classmethod
    def _composed_map(cls, texts: dict[str, str] | None) -> dict[str, str] | None:
        return texts and {composed(text): meant for text, meant in texts.items()}

    @model_validator(mode="after")
    def _sensible(self) -> Cell:
        if self.strict and not self.map:
            raise ValueError("strict needs a map")
        if self.dates and (self.decimal or self.negate):
            raise ValueError("a date is not an amount")
        if self.default is not None:
            try:
                self.read({})
            except Unreadable as error:
                raise ValueError(f"default: {error.message}") from None
        return self

    def read(self, values: Mapping[str, str]) -> str | int | bool | None:
        """The value, None when there is none. Raises Unreadable."""
        text = composed(values.get(self.column, ""))
        if self.strip:
            text = text.strip()
        if not text or text in self.empty:
            if self.default is None:
                return None
            text = self.default
        if self.case:
            text = text.lower() if self.case == "lower" else text.upper()
        if self.map is not None:
            if self.strict and text not in self.map:
                raise Unreadable(self.column, f"{text[:40]!r} is none of {', '.join(self.map)}")
            text = self.map.get(text, text)
        if self.decimal or self.negate:
            text = self._amount(text)
        if self.dates:
            text = self._date(text)
        return self._typed(text)

    def _amount(self, text: str) -> str:
        plain = re.sub(r"[\s'\u2019]", "", text)
        if self.decimal == "comma":
            plain = plain.replace(".", "").replace(",", ".")
        elif self.decimal == "point":
            plain = plain.replace(",", "")
        match = _DECIMAL.fullmatch(plain)
        if match is None or not (match[2] or match[3]):
            raise Unreadable(self.column, f"{text[:40]!r} is not an amount")
        negative = (match[1] == "-") != self.negate
        digits = f"{match[2] or '0'}.{match[3]}" if match[3] else match[2]
        return f"-{digits}" if negative and digits.strip("0.") else digits

    def _date(self, text: str) -> str:
        for form in self.dates or ():
            try:
                return datetime.strptime(text, form).date().isoformat()
            except ValueError:
                continue
        raise Unreadable(self.column, f"{text[:40]!r} is not a date like {', '.join(self.dates or ())}")

    def _typed(self, text: str) -> str | int | bool:
        if self.to == "integer":
            if not re.fullmatch(r"[+-]?[0-9]{1,18}(\.0+)?", text):
                raise Unreadable(self.column, f"{text[:40]!r} is not a whole number")
            return int(text.partition(".")[0])
        if self.to == "boolean":
            if text.lower() not in _BOOLEANS:
                raise Unreadable(self.column, f"{text[:40]!r} is not true or false")
            return _BOOLEANS[text.lower()]
        return text


_BOOLEANS = dict.fromkeys(("true", "yes", "y", "1", "on", "có"), True) | dict.fromkeys(
    ("false", "no", "n", "0", "off", "không"), False
)
