"""What a parsed file declares, in its order: for lists beside an editor."""

from dataclasses import dataclass
from typing import assert_never

from dsl.diagnostics import Span
from dsl.nodes import (
    Attributes,
    Broken,
    Campaign,
    Declaration,
    Event,
    Example,
    File,
    FlashSale,
    GroupBuy,
    Lottery,
    Loyalty,
    NamedList,
    Promotion,
    Segment,
    Trigger,
)


@dataclass(frozen=True, slots=True)
class Declared:
    """`kind` is the keyword it begins with: "segment", "promotion", "flash_sale" …"""

    kind: str
    name: str
    title: str | None
    span: Span


def outline(file: File) -> tuple[Declared, ...]:
    """Return the declarations of a file, without those that could not be read."""
    found = (declared(declaration) for declaration in file.declarations)
    return tuple(each for each in found if each is not None)


def declared(node: Declaration) -> Declared | None:
    """Return what a node declares, or None if it could not be read."""
    match node:
        case Event(name) | NamedList(name):
            kind = "event" if isinstance(node, Event) else "list"
            return Declared(kind, name.text, None, node.span)
        case Attributes(subject):
            return Declared("attributes", subject, None, node.span)
        case Example(title):
            return Declared("example", title.value, None, node.span)
        case Broken():
            return None
        case (
            Campaign(name, title)
            | Segment(name, title)
            | Promotion(name, title)
            | Trigger(name, title)
            | Loyalty(name, title)
            | FlashSale(name, title)
            | GroupBuy(name, title)
            | Lottery(name, title)
        ):
            kind = _KINDS[type(node)]
            return Declared(kind, name.text, title.value if title else None, node.span)
        case _:
            assert_never(node)


_KINDS: dict[type, str] = {
    Campaign: "campaign",
    Segment: "segment",
    Promotion: "promotion",
    Trigger: "trigger",
    Loyalty: "loyalty",
    FlashSale: "flash_sale",
    GroupBuy: "group_buy",
    Lottery: "lottery",
}
