"""Who a step of a journey is: its label, else a digest of what it does and its order among equals.

A run that sleeps at a step finds it again by this name in the version it started under, so the
digest must not change while the words stay the same: only content counts, never a position, and a
part that is at its default is left out, so that a part added to the language later changes nothing.
"""

import hashlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import MISSING, fields, is_dataclass
from typing import Any

from dsl.core import Const
from dsl.diagnostics import Span


class StepNames:
    """Names for the steps of one trigger, given in the order in which they are written."""

    def __init__(self) -> None:
        self._seen: Counter[str] = Counter()

    def of(self, label: str | None, *content: Any) -> str:
        """Return the step's label, or a name made of its content."""
        if label is not None:
            return label
        digest = digest_of(content)
        self._seen[digest] += 1
        return f"{digest}-{self._seen[digest]}"


def digest_of(content: Any) -> str:
    """Return twelve hexadecimal digits that depend on the content alone."""
    return hashlib.sha256("".join(_words(content)).encode()).hexdigest()[:12]


def _words(value: Any) -> Iterator[str]:
    if is_dataclass(value):
        yield f"({type(value).__name__}"
        for part in fields(value):
            content = getattr(value, part.name)
            # The type of a fact may grow a field without the step becoming another.
            if isinstance(content, Span) or (part.name == "kind" and not isinstance(value, Const)):
                continue
            if part.default is MISSING or content != part.default:
                yield f" {part.name}="
                yield from _words(content)
        yield ")"
    elif isinstance(value, tuple | list):
        yield "["
        for element in value:
            yield from _words(element)
            yield ","
        yield "]"
    else:
        yield repr(value)
