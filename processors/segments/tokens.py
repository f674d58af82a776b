"""The tokens of a condition: what is read here of the Common Expression Language, to say more of a condition than the library
does, or the same faster. Whatever else the language has is left to the library."""

from __future__ import annotations

import re

_TOKEN = re.compile(
    r"""
    \s* (?:
        (\d+ (?: \.\d+ )?) (?![\w.])
        | ("(?: [^"\\] | \\. )*" | '(?: [^'\\] | \\. )*')
        | ([A-Za-z_]\w*)
        | (\|\| | && | [<>=!]= | / (?!/) | [-+*%<>!?:().,\[\]])
    )
    """,
    re.VERBOSE,
)


class ForTheLibrary(Exception):
    """The condition says something that is not read here, or is wrong: the library knows."""


class Tokens:
    """The tokens of `text`, to be taken one after the other; `at` is the number of the next. Raises ForTheLibrary when something
    in it is none."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens: list[tuple[str, int, int]] = []
        self.at = 0
        end = 0
        while text[end:].strip():
            found = _TOKEN.match(text, end)
            if found is None:
                raise ForTheLibrary
            end = found.end()
            token = found[found.lastindex or 0]
            self._tokens.append((token, end - len(token), end))

    def peek(self) -> str:
        """The next token; "" after the last."""
        return self._tokens[self.at][0] if self.at < len(self._tokens) else ""

    def take(self, expected: str | None = None) -> str:
        """The next token, which is passed. Raises ForTheLibrary when there is none, or when it is not the expected one."""
        token = self.peek()
        if not token or (expected is not None and token != expected):
            raise ForTheLibrary
        self.at += 1
        return token

    def text(self, first: int, end: int) -> str:
        """How the tokens from `first` to before `end` are written, with one space where there is any."""
        if first >= end:
            return ""
        return " ".join(self._text[self._tokens[first][1] : self._tokens[end - 1][2]].split())
