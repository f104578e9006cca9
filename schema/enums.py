"""Enums in the API: each says what it is, and what each of its values is."""

from enum import Enum
from typing import Any

import strawberry


def describe(kind: type[Enum], description: str, *, name: str | None = None, **values: str) -> None:
    """Have an enum in the API, under its own name or another. Every value is to be described."""
    known: Any = strawberry.enum(kind, name=name, description=description)
    shown = {value.name: value for value in known.__strawberry_definition__.values}
    if shown.keys() != values.keys():
        raise TypeError(f"{kind.__name__}: describe {sorted(shown.keys() ^ values.keys())}")
    for each, said in values.items():
        shown[each].description = said
