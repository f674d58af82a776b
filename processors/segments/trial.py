"""Try a condition on made-up values of the right types, to find when it is read what would fail for every customer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import cel

from processors.segments.fields import FIELDS
from processors.segments.functions import FUNCTIONS, Function
from processors.segments.view import span

_SAMPLES: tuple[Mapping[str, Any], ...] = (
    {"int": 1, "bool": True, "text": "a", "instant": 1, "span": 1, "texts": ["a"], "counts": {"a": 1}, "number": 1.0},
    {"int": 0, "bool": False, "text": "", "instant": 0, "span": 0, "texts": [], "counts": {}, "number": 0.0},
)
_TYPES = {field.name: field.type for field in FIELDS}


def tried(program: cel.Program) -> str | None:
    """What is wrong with a condition whatever the values are, None when nothing was found."""
    for sample in _SAMPLES:
        wrong: list[str] = []
        context = cel.Context()
        context.set_variable_resolver(partial(_sampled, sample))
        for function in FUNCTIONS:
            context.add_function(function.name, _tried(function, sample[function.type], wrong))
        try:
            found = program.execute(context)
        except (ArithmeticError, LookupError):
            continue  # for other values it may be all right
        except Exception as error:
            return f"it cannot be evaluated: {' '.join(str(error).split())[:120]}"
        if wrong:
            return wrong[0]
        if not isinstance(found, bool):
            return f"it is neither true nor false, but {found!r}"
    return None


def _sampled(sample: Mapping[str, Any], name: str) -> Any:
    return sample[_TYPES[name]]


def _tried(function: Function, answer: Any, wrong: list[str]) -> Callable[..., Any]:
    """Stands for `function`: looks at how many arguments it is given, and at spans, and answers anything of its type. What is
    wrong is noted, not raised: the library would log it."""
    expected = function.arguments.split(", ")

    def call(*arguments: Any) -> Any:
        if len(arguments) != len(expected) and "…" not in expected:
            wrong.append(f"{function.name} takes ({function.arguments})")
        for argument in arguments:
            if "span" in expected and isinstance(argument, str):
                try:
                    span(argument)
                except ValueError as error:
                    wrong.append(str(error))
        return answer

    return call
