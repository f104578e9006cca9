"""What an expression can see from where it stands."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from dsl.checker.world import World
from dsl.diagnostics import Span
from dsl.kinds import Kind


@dataclass(slots=True)
class Currencies:
    """The currencies of all money that a promotion names, each with where it was named first."""

    found: dict[str, Span] = field(default_factory=dict)

    def note(self, currency: str, span: Span) -> None:
        """Remember that the currency occurs."""
        if currency not in self.found or span.start < self.found[currency].start:
            self.found[currency] = span

    def others(self) -> tuple[str, list[tuple[str, Span]]]:
        """Return the currency that is written first, and where each other one is."""
        found = sorted(self.found.items(), key=lambda entry: entry[1].start)
        return (found[0][0], found[1:]) if found else ("", [])


@dataclass(frozen=True, slots=True)
class Scope:
    """`place` words where this is ("a segment"), `sees` what can be spoken of there.

    `element` is the type of what a filter goes over, `elements` its name. `zone` reads times that
    were written without an offset. Where `daily`, the answer may change only when a day begins.
    """

    world: World
    place: str
    sees: str
    roots: Mapping[str, Kind]
    zone: str
    element: Kind | None = None
    elements: str = ""
    daily: bool = False
    currencies: Currencies = field(default_factory=Currencies)

    def within(self, element: Kind, elements: str) -> "Scope":
        """Return what a filter over such elements sees."""
        return replace(self, element=element, elements=elements)

    def binding(self, name: str, kind: Kind) -> "Scope":
        """Return this with one more name to speak of."""
        return replace(self, roots={**self.roots, name: kind})


def segment_scope(world: World) -> Scope:
    return Scope(
        world,
        "a segment",
        "a segment speaks of `user` and its events",
        {"user": world.user},
        world.zone,
        daily=True,
    )


def audience_scope(world: World, zone: str) -> Scope:
    return Scope(
        world,
        "a promotion's `for`",
        "`for` speaks of `user` and its events; what the cart must be stands in `when`",
        {"user": world.user},
        zone,
    )


def cart_scope(world: World, zone: str, currencies: Currencies) -> Scope:
    return Scope(
        world,
        "a promotion",
        "a promotion speaks of `cart`, of `user` and its events",
        {"user": world.user, "cart": world.cart},
        zone,
        currencies=currencies,
    )


def trigger_scope(world: World, zone: str, event: Kind | None) -> Scope:
    roots: dict[str, Kind] = {"user": world.user}
    if event is not None:
        roots["event"] = event
    speaks = (
        "`user`, its events and the `event` that started it" if event else "`user` and its events"
    )
    return Scope(world, "this trigger", f"this trigger speaks of {speaks}", roots, zone)
