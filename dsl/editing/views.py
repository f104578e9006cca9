"""What can be spoken of at a place: roots such as `user`, and the fields of a filter's element."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from dsl.builtin import USER
from dsl.checker.aggregates import AGGREGATES
from dsl.checker.paths import REACHES_OUT
from dsl.checker.world import World
from dsl.editing.names import Role, in_braces_of, role_at
from dsl.editing.place import Place
from dsl.kinds import Kind, ListOf, Record
from dsl.parser.tokens import Token


@dataclass(frozen=True, slots=True)
class View:
    """What an expression sees at a place: named roots, and the fields of a filter's element."""

    world: World
    roots: Mapping[str, Record]
    element: Record | None = None

    def kind_of(self, names: Sequence[str], *, source: bool = False) -> Kind | None:
        """Return the type that a path has; of a `source`'s the lists in it are gone through."""
        kind = self._root(names[0], source=source) if names else None
        for name in names[1:]:
            if source and isinstance(kind, ListOf):
                kind = kind.element
            kind = kind.get(name) if isinstance(kind, Record) else None
        return kind

    def _root(self, name: str, *, source: bool) -> Kind | None:
        field = self.element.get(name) if self.element else None
        if source and name in self.world.events and not isinstance(field, ListOf):
            return ListOf(self.world.events[name])
        if name in self.roots and (name in REACHES_OUT or field is None):
            return self.roots[name]
        return field

    def fields_of(self, names: Sequence[str], *, source: bool = False) -> Record | None:
        """Return what has fields after a path and a dot."""
        kind = self.kind_of(names, source=source)
        if source and isinstance(kind, ListOf):
            kind = kind.element
        return kind if isinstance(kind, Record) else None


def view_at(place: Place, world: World) -> View:
    """Return what an expression sees at a place."""
    return View(world, _roots(place, world), _element(place, world))


def _roots(place: Place, world: World) -> dict[str, Record]:
    tokens, roots = place.walk.tokens, {"user": world.user}
    if place.keyword == "example":
        return {}
    if place.keyword == "promotion" and tokens[place.clause()].type != "FOR":
        roots["cart"] = world.cart
    if place.keyword == "trigger":
        if (event := started_by(place)) in world.events:
            roots["event"] = world.events[event]
        for body in place.walk.bodies:
            roots |= _bound(tokens[body.clause : body.opener], world)
    return roots


def started_by(place: Place) -> str:
    """Return the name of the event that starts the trigger at hand, "" if none does."""
    tokens, bodies = place.walk.tokens, place.walk.bodies
    if not bodies:
        return ""
    # `on` may well be written below.
    for index in range(bodies[0].opener + 1, len(tokens) - 1):
        token, following = tokens[index], tokens[index + 1]
        if token.word and token.value == "then" and following.text == "{":
            break
        if token.word and token.value == "on" and following.word and token.opens_line:
            return str(following.value)
    clauses = [tokens[i : i + 2] for i in bodies[0].clauses]
    return next((str(c[1].value) for c in clauses if c[0].type == "ON" and len(c) > 1), "")


def _bound(clause: Sequence[Token], world: World) -> dict[str, Record]:
    """Return what `wait for EVENT as NAME` binds for the steps in its braces."""
    match [token.value for token in clause[:5]]:
        case ["wait", "for", event, "as", name] if event in world.events:
            return {name: world.events[event]}
        case _:
            return {}


def _element(place: Place, world: World) -> Record | None:
    """Return what the innermost filter at a place goes over."""
    tokens = place.walk.tokens
    view = View(world, _roots(place, world))
    inside: list[tuple[int, Record | None]] = [(-1, None)]
    for index in range(place.clause(), place.cut):
        token = tokens[index]
        opener, element = inside[-1]
        if token.text in ("(", "["):
            inside.append((index, element))
        elif token.text in (")", "]") and len(inside) > 1:
            inside.pop()
        elif token.type == "WHERE":
            around = View(world, view.roots, element)
            if opener >= 0:
                path = path_names(tokens[opener + 1 : index])
                inside[-1] = opener, around.fields_of(path, source=True)
            else:
                inside[-1] = opener, _filtered(tokens[place.clause() : index], world)
        elif token.type == "BY":
            inside[-1] = opener, None
    return inside[-1][1]


def _filtered(clause: Sequence[Token], world: World) -> Record | None:
    """Return what a clause's own `where` goes over: lines of a cart, or an event."""
    last = clause[-1] if clause else None
    if last is None:
        return None
    if last.type in ("ITEM", "ITEMS"):
        return world.item
    if len(clause) > 2 and clause[-2].type == "AS":
        last = clause[-3]
    if len(clause) > 2 and clause[-2].type == "DOT":
        last = clause[-3]
    return world.events.get(str(last.value))


def path_names(tokens: Iterable[Token]) -> list[str]:
    """Return the names of a path, without its dots."""
    return [str(token.value) for token in tokens if token.text != "."]


def path_before(place: Place) -> tuple[list[str], int]:
    """Return the names that come before the dot at a place, and the index of the first."""
    tokens, index = place.walk.tokens, place.cut
    while index > 1 and tokens[index - 1].text == "." and tokens[index - 2].word:
        index -= 2
    return path_names(tokens[index : place.cut]), index


def is_source(place: Place, first: int) -> bool:
    """Whether the path whose first name is at this index says what an aggregate goes over."""
    tokens = place.walk.tokens
    return first > 1 and tokens[first - 1].text == "(" and tokens[first - 2].value in AGGREGATES


@dataclass(frozen=True, slots=True)
class Fact:
    """What a name in a path is: the path up to it, its type, and the record it is a field of.

    `owner` is what the record belongs to, as in dsl.editing.descriptions. The first name of a path
    may instead be an event, or, without a record, a root such as `user`.
    """

    path: tuple[str, ...]
    kind: Kind
    record: Record | None
    owner: str = ""
    is_event: bool = False


def fact_at(place: Place, name: str, world: World) -> Fact | None:
    """Return what the name at a place is, if it is a fact."""
    before, first = path_before(place)
    role, path = role_at(place), (*before, name)
    source = is_source(place, first) or is_event_path(place, first)
    view = view_at(place, world)
    if is_event_path(place, first):
        view = View(world, {})
    elif is_settable(place, first):
        view = View(world, {"user": world.user})
    elif place.keyword == "example" or role is Role.ENTRY:
        view = View(world, {}, record_of(place, in_braces_of(place), world))
    kind = view.kind_of(path, source=source)
    if kind is None:
        return None
    if not before:
        owns = view.element if view.element and view.element.get(name) == kind else None
        is_event = source and name in world.events and owns is None
        return Fact(path, kind, owns, _owner(owns, world), is_event)
    record = view.fields_of(before, source=source)
    return Fact(path, kind, record, ".".join(before) or _owner(record, world))


def _owner(record: Record | None, world: World) -> str:
    return {id(world.item): "item", id(world.user): "user"}.get(id(record), "")


def is_settable(place: Place, first: int) -> bool:
    """Whether the path whose first name is at this index is what a step sets."""
    return place.walk.tokens[first - 1].type == "SET"


def is_event_path(place: Place, first: int) -> bool:
    """Whether the path whose first name is at this index is an event's, which earns points."""
    return place.keyword == "loyalty" and place.walk.tokens[first - 1].type == "OF"


def record_of(place: Place, role: Role, world: World) -> Record:
    """Return what the names in an example's or an `emit`'s braces are fields of."""
    match role:
        case Role.USER_FACT:
            return world.user
        case Role.ITEM_FACT:
            return world.item
        case Role.ENTRY if place.body is not None:
            event = place.walk.tokens[place.body.opener - 1].value
            return world.events.get(str(event), Record(()))
        case Role.SETTABLE:
            return Record(
                tuple((name, kind) for name, kind in world.user.fields if USER.get(name) is None)
            )
        case _:
            return Record(())
