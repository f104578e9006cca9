"""What a mutation is about: the ids that it is given, and those of what it answers with."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import lru_cache
from typing import Any

import strawberry
from strawberry.types.base import StrawberryList, StrawberryOptional

from models.audit import MOST_ABOUT
from models.errors import NotFound
from schema.ids import split_global

# Of these the key itself says something: a code is worth money, and a source names its events.
_TELLING = frozenset({"Event", "UniqueCode"})


_HEARS: ContextVar[Callable[[Iterable[str]], None] | None] = ContextVar("hears", default=None)


@contextmanager
def hearing(hears: Callable[[Iterable[str]], None]) -> Iterator[None]:
    """Have `hears` told of what a mutation turns out to be about while it is carried out."""
    token = _HEARS.set(hears)
    try:
        yield
    finally:
        _HEARS.reset(token)


def concerns(kind: str, key: str) -> None:
    """Say what the mutation under way, if one is, is about although no id in it says so."""
    if hears := _HEARS.get():
        hears([f"{kind}:{key}"])


def named_in(value: Any) -> Iterator[str]:
    """Yield the things that an input or a payload names by their ids, as "Type:key"."""
    kind: Any = type(value)
    if not hasattr(kind, "__strawberry_definition__"):
        return
    for name, is_id in _fields(kind):
        found = getattr(value, name, None)
        many = found if isinstance(found, list) else [found]
        for each in many[:MOST_ABOUT]:
            text = each if is_id else getattr(each, "id", None)
            if isinstance(text, str) and (thing := _thing(text)):
                yield thing


@lru_cache(maxsize=512)
def _fields(kind: Any) -> tuple[tuple[str, bool], ...]:
    """Return the fields of a type by name that are ids, or lists of them, or objects."""
    fields = kind.__strawberry_definition__.fields
    return tuple((field.python_name, _inner(field.type) is strawberry.ID) for field in fields)


def _inner(kind: Any) -> Any:
    while isinstance(kind, StrawberryOptional | StrawberryList):
        kind = kind.of_type
    return kind


def _thing(text: str) -> str | None:
    try:
        kind, key = split_global(text)
    except NotFound:
        return None
    return None if kind in _TELLING else f"{kind}:{key}"
