"""What conditions in the Common Expression Language see: the fields and functions, bound to whatever portrait is looked at."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import cel

from processors.segments.functions import FUNCTIONS
from processors.segments.view import View


class Seeing:
    """What conditions see: made once and lent, because to make it takes as long as ten rules."""

    def __init__(self) -> None:
        self.view: View | None = None
        self.context = cel.Context()
        self.context.set_variable_resolver(self._bound(View.get))
        for function in FUNCTIONS:
            self.context.add_function(function.name, self._bound(function.call))

    def _bound(self, call: Callable[..., Any]) -> Callable[..., Any]:
        return lambda *arguments: call(self.view, *arguments)
