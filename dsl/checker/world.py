"""What a program declares, as far as the checker has to know it to judge any part of it."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias, TypeVar

from dsl import nodes
from dsl.checker.report import Report
from dsl.checker.suggestions import did_you_mean
from dsl.core import Const
from dsl.kinds import Record

Published: TypeAlias = (
    nodes.Campaign
    | nodes.Segment
    | nodes.Promotion
    | nodes.Trigger
    | nodes.Loyalty
    | nodes.FlashSale
    | nodes.GroupBuy
    | nodes.Lottery
)

Node = TypeVar("Node", bound=Published)

KIND_NAMES: Mapping[type[nodes.Node], str] = {
    nodes.Campaign: "campaign",
    nodes.Segment: "segment",
    nodes.Promotion: "promotion",
    nodes.Trigger: "trigger",
    nodes.Loyalty: "loyalty",
    nodes.FlashSale: "flash sale",
    nodes.GroupBuy: "group buy",
    nodes.Lottery: "lottery",
}


@dataclass(frozen=True, slots=True)
class Broken:
    """Declarations with syntax errors: what they would have declared must not be called unknown.

    `fields` are the words in those that may be of facts.
    """

    names: frozenset[str] = frozenset()
    keywords: frozenset[str] = frozenset()
    fields: frozenset[str] = frozenset()
    nameless: bool = False

    def may_declare(self, name: str) -> bool:
        """Whether a name may have been meant to be declared by one of them."""
        return self.nameless or name in self.names


@dataclass(frozen=True, slots=True)
class World:
    """All files' facts and names. `currency` and `zone` are the workspace's."""

    report: Report
    zone: str
    currency: str
    events: Mapping[str, Record]
    user: Record
    item: Record
    cart: Record
    lists: Mapping[str, Const]
    published: Mapping[str, Published]
    # Every one that was written: of two with one name the second is judged too, and then left out.
    written: Sequence[Published]
    broken: Broken = field(default=Broken())

    def names_of(self, kind: type[nodes.Node]) -> list[str]:
        """Return the names of all declarations of a kind."""
        return [name for name, node in self.published.items() if isinstance(node, kind)]

    def all_of(self, kind: type[Node]) -> Iterator[Node]:
        """Yield the declarations of a kind in the order written."""
        return (node for node in self.written if isinstance(node, kind))

    def is_kept(self, node: Published) -> bool:
        """Whether the declaration has its name to itself, or had it first."""
        return self.published.get(node.name.text) is node

    def knows(self, name: nodes.Name, kind: type[Published], code: str) -> bool:
        """Whether a declaration of this kind has the name; if none has, say so."""
        found = self.published.get(name.text)
        if isinstance(found, kind):
            return True
        word = KIND_NAMES[kind]
        if found is not None:
            other = KIND_NAMES[type(found)]
            self.report.error(code, name.span, f"`{name.text}` is a {other}, not a {word}")
        elif not self.broken.may_declare(name.text):
            self.unknown(code, word, name, self.names_of(kind))
        return False

    def knows_event(self, name: nodes.Name) -> bool:
        """Whether an event of this name is declared or built in; if none is, say so."""
        if name.text in self.events:
            return True
        if not self.broken.may_declare(name.text):
            self.unknown("E202", "event", name, self.events)
        return False

    def unknown(self, code: str, word: str, name: nodes.Name, known: Iterable[str]) -> None:
        """Say that there is no such name, and which is near."""
        hint = did_you_mean(name.text, known)
        self.report.error(code, name.span, f"there is no {word} `{name.text}`", hint)
