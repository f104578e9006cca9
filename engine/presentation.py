"""Values as a template shows them: money as decimal text, everything else as it reads."""

from collections.abc import Mapping
from typing import Any

from dsl.kinds import Kind, ListOf, Money, Record
from dsl.money import to_text


def present(value: Any, kind: Kind | None, currency: str) -> Any:
    """Return a value in stored form as a template shows it. `currency` is the workspace's."""
    match kind:
        case Money(own) if isinstance(value, int):
            return to_text(value, own or currency)
        case ListOf(element) if isinstance(value, list | tuple):
            return [present(part, element, currency) for part in value]
        case Record(fields) if isinstance(value, Mapping):
            kinds = dict(fields)
            return {name: present(part, kinds.get(name), currency) for name, part in value.items()}
        case _:
            return value
