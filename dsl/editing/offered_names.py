"""The names that can stand at a place, and what they are."""

from collections.abc import Iterable, Iterator

from dsl import nodes
from dsl.builtin import CONSENTS
from dsl.checker.aggregates import AGGREGATES, OF_AMOUNTS, OF_ORDERED
from dsl.checker.agreement import is_scalar
from dsl.checker.operations import FUNCTIONS
from dsl.editing import names, views
from dsl.editing.descriptions import AGGREGATE_EXAMPLES, EVENTS, FACTS
from dsl.editing.descriptions import FUNCTIONS as MEANINGS
from dsl.editing.names import Role
from dsl.editing.offers import CompletionKind, Offer, Rank
from dsl.editing.place import Place
from dsl.editing.views import View
from dsl.editing.world import Known
from dsl.kinds import NUMBER, Kind, ListOf, Money, Record, Simple

_SHORTEST = 2  # letters before fields are offered without what comes before their dot


def of_names(place: Place, known: Known) -> Iterator[Offer]:
    """Yield the names that can stand at a place."""
    role, world = names.role_at(place), known.world
    match role:
        case Role.EXPRESSION:
            return _expression(place, views.view_at(place, world))
        case Role.SOURCE:
            return _sources(views.view_at(place, world))
        case Role.FIELD:
            return _fields_after_dot(place, known)
        case Role.LIST:
            return _lists(place, known)
        case Role.SETTABLE:
            return _settable(place, known)
        case Role.USER_FACT | Role.ITEM_FACT | Role.ENTRY:
            return _fields(views.record_of(place, role, world), _owner(role), suffix=": ")
        case _:
            return _declared_as(role, known)


def _declared_as(role: Role, known: Known) -> Iterator[Offer]:
    match role:
        case Role.EVENT | Role.EVENT_PATH:
            return _events(known)
        case Role.SEGMENT:
            return _declared(known, "segment")
        case Role.PROMOTION:
            return _declared(known, "promotion")
        case Role.LOTTERY:
            return _declared(known, "lottery")
        case Role.GROUP:
            return _plain(_groups(known.every()), "a group of promotions")
        case Role.CHANNEL:
            return _plain(CONSENTS, "a channel")
        case _:
            return iter(())


def _plain(found: Iterable[str], what: str) -> Iterator[Offer]:
    return (Offer(Rank.WANTED, name, CompletionKind.NAME, what, f"{name} ") for name in found)


# --- fields --------------------------------------------------------------------------------------


def _fields(
    record: Record, owner: str, *, rank: Rank = Rank.NEAR, suffix: str = ""
) -> Iterator[Offer]:
    for name, kind in record.fields:
        yield _field(name, kind, owner, rank=rank, suffix=suffix)


def _field(name: str, kind: Kind, owner: str, *, rank: Rank, suffix: str = "") -> Offer:
    return Offer(
        rank,
        name,
        CompletionKind.FACT,
        shown(kind),
        f"{name}{suffix}",
        FACTS.get(f"{owner}.{name}", ""),
    )


def shown(kind: Kind) -> str:
    """Return a type as it is declared, a long record shortened."""
    match kind:
        case Record(fields) if len(fields) > 4 or any(not is_scalar(kind) for _, kind in fields):
            return "{ " + ", ".join(name for name, _ in fields) + " }"
        case ListOf(Record() as element):
            return f"list of {shown(element)}"
        case _:
            return str(kind)


def _owner(role: Role) -> str:
    return {Role.USER_FACT: "user", Role.SETTABLE: "user", Role.ITEM_FACT: "item"}.get(role, "")


def _fields_after_dot(place: Place, known: Known) -> Iterator[Offer]:
    path, first = views.path_before(place)
    world = known.world
    if not path:
        return
    if views.is_event_path(place, first):
        record = world.events.get(path[0])
        if record is not None and len(path) == 1:
            yield from _fields(record, path[0])
        return
    if views.is_settable(place, first):
        yield from _fields(views.record_of(place, Role.SETTABLE, world), "user", suffix=" to ")
        return
    view, source = views.view_at(place, world), views.is_source(place, first)
    if place.keyword == "example":
        view = View(world, {}, views.record_of(place, names.in_braces_of(place), world))
    found = view.fields_of(path, source=source)
    function = str(place.walk.tokens[first - 2].value) if source else ""
    for name, kind in found.fields if found else ():
        rank = Rank.NEAR if _suits(function, kind) else Rank.FAR
        yield _field(name, kind, ".".join(path), rank=rank)


def _suits(function: str, kind: Kind) -> bool:
    """Whether an aggregate can go over a field, or over what is within it."""
    if function in OF_AMOUNTS:
        return kind == NUMBER or isinstance(kind, Money | ListOf)
    if function in OF_ORDERED:
        return isinstance(kind, Simple | Money | ListOf)
    return True


def _settable(place: Place, known: Known) -> Iterator[Offer]:
    record = views.record_of(place, Role.SETTABLE, known.world)
    for name, kind in record.fields:
        path = f"user.{name}"
        yield Offer(
            Rank.WANTED, path, CompletionKind.FACT, shown(kind), f"{path} to ", found=(name,)
        )


# --- expressions ---------------------------------------------------------------------------------


def _expression(place: Place, view: View) -> Iterator[Offer]:
    element = view.element
    if element is not None:
        owner = "item" if element == view.world.item else ""
        yield from _fields(element, owner)
    for name, record in view.roots.items():
        detail = "the event that started this" if name == "event" else shown(record)
        documentation = FACTS.get(name, "")
        yield Offer(Rank.ROOT, name, CompletionKind.FACT, detail, name, documentation)
    if len(place.written) >= _SHORTEST:
        yield from _deep(view)
    yield from _functions()


def _deep(view: View) -> Iterator[Offer]:
    """Yield facts with what comes before their dot, found by their last name too."""
    for root, record in view.roots.items():
        for name, kind in record.fields:
            path = f"{root}.{name}"
            documentation = FACTS.get(path, "")
            yield Offer(
                Rank.ROOT, path, CompletionKind.FACT, shown(kind), path, documentation, (name,)
            )


def _functions() -> Iterator[Offer]:
    for name in (*AGGREGATES, *FUNCTIONS):
        example = AGGREGATE_EXAMPLES.get(name, "")
        text = MEANINGS[name] + (f"\n\n{example}" if example else "")
        yield Offer(Rank.FUNCTION, name, CompletionKind.FUNCTION, signature(name), f"{name}(", text)


def signature(name: str) -> str:
    """Say what a function takes and gives."""
    if name in AGGREGATES:
        field = "" if name in ("count", "any") else ".field"
        return f"{name}(events or list{field} where …, last …)"
    row = FUNCTIONS[name]
    gives = row.gives or "one of them"
    return f"{name}({row.takes}): {gives}"


def _sources(view: View) -> Iterator[Offer]:
    element = view.element
    for name, kind in element.fields if element else ():
        if isinstance(kind, ListOf):
            yield _field(name, kind, "", rank=Rank.WANTED)
    for root, record in view.roots.items():
        for name, kind in record.fields:
            if isinstance(kind, ListOf):
                path = f"{root}.{name}"
                documentation = FACTS.get(path, "")
                yield Offer(
                    Rank.NEAR, path, CompletionKind.FACT, shown(kind), path, documentation, (name,)
                )
    for name, record in view.world.events.items():
        yield _event(name, record)


# --- what is declared ----------------------------------------------------------------------------


def _events(known: Known) -> Iterator[Offer]:
    for name, record in known.world.events.items():
        yield _event(name, record)


def _event(name: str, record: Record) -> Offer:
    return Offer(Rank.WANTED, name, CompletionKind.EVENT, shown(record), name, EVENTS.get(name, ""))


def _declared(known: Known, kind: str) -> Iterator[Offer]:
    for name, declared in known.names(kind).items():
        detail = f"{kind} “{declared.title}”" if declared.title else kind
        yield Offer(Rank.WANTED, name, CompletionKind.NAME, detail, name)


def _lists(place: Place, known: Known) -> Iterator[Offer]:
    for node in known.every():
        if isinstance(node, nodes.NamedList):
            yield Offer(
                Rank.WANTED, node.name.text, CompletionKind.NAME, listed(node), node.name.text
            )
    view = views.view_at(place, known.world)
    for name, kind in view.element.fields if view.element else ():
        if isinstance(kind, ListOf):
            yield _field(name, kind, "", rank=Rank.NEAR)
    for root, record in view.roots.items():
        yield Offer(Rank.ROOT, root, CompletionKind.FACT, shown(record), root)


def listed(node: nodes.NamedList) -> str:
    """Show a list's first elements."""
    texts = [f'"{e.value}"' for e in _some(node.elements.elements) if isinstance(e, nodes.Text)]
    more = " …" if len(node.elements.elements) > len(texts) else ""
    return f"list of {len(node.elements.elements)}: {', '.join(texts)}{more}"


def _some(elements: Iterable[nodes.Expr]) -> Iterable[nodes.Expr]:
    return list(elements)[:5]


def _groups(declarations: Iterable[nodes.Declaration]) -> list[str]:
    """Return the groups that promotions are in, by name."""
    found = {
        clause.group.text: None
        for node in declarations
        if isinstance(node, nodes.Promotion)
        for clause in node.clauses
        if isinstance(clause, nodes.BestOf | nodes.FirstOf)
    }
    return list(found)
