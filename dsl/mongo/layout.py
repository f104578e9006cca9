"""Where facts lie in the database."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from dsl.builtin import USER

_BUILT_IN = frozenset(name for name, _ in USER.fields)


@dataclass(frozen=True, slots=True)
class Layout:
    """The documents that are asked are users, with what shops declare under `attributes`.

    Events lie in a collection of their own as `{user, name, at, data}`; `event_match` narrows it.
    `roots` names the fields that hold other facts, for documents that have them ("cart", "event"),
    `segments` the field that lists memberships already known, if there is one.

    `measures` are the ids of those that users' documents hold, complete; `ahead` says that some may
    hold events later than the moment asked about, which are then looked up.
    """

    events: str = "events"
    attributes: str = "attributes"
    event_match: Mapping[str, Any] = field(default_factory=dict)
    roots: Mapping[str, str] = field(default_factory=dict)
    segments: str | None = None
    # Fields that hold the month and day ("11-22") of the date in another, for yearly anniversaries.
    days: Mapping[str, str] = field(default_factory=dict)
    measures: frozenset[str] = frozenset()
    ahead: bool = True
    # Fields that hold a document if they are there: whoever writes them sees to it.
    documents: frozenset[str] = frozenset({"attributes", "consent"})
    # The time of the last event that is in a user's measures.
    last: str = "facts.last"

    def measure(self, id: str) -> str:
        """Return the field of a user's document that holds a measure's days."""
        return f"facts.measures.{id}"

    def fact(self, root: str, path: Sequence[str]) -> str | None:
        """Return the field of a user's document that holds a fact, or None if none does."""
        if root != "user":
            return ".".join((self.roots[root], *path)) if root in self.roots else None
        if path[0] == "id":
            return "_id"
        return ".".join(path if path[0] in _BUILT_IN else (self.attributes, *path))

    def event_field(self, path: Sequence[str]) -> str:
        """Return the field of an event's document that holds one of its fields."""
        return "at" if tuple(path) == ("time",) else ".".join(("data", *path))
