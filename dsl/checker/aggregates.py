"""What an aggregate goes over, which field it takes, and over which time."""

from dataclasses import dataclass

from dsl import nodes
from dsl.checker import literals
from dsl.checker.agreement import UNKNOWN, in_words, is_ordered, is_scalar
from dsl.checker.paths import REACHES_OUT, root_of, walk
from dsl.checker.scopes import Scope
from dsl.checker.suggestions import did_you_mean
from dsl.core import EventSource, Ever, Last, ListSource, Ref, Since, This, Window
from dsl.diagnostics import Span
from dsl.kinds import BOOL, NUMBER, Kind, ListOf, Money, Record

OF_ELEMENTS = ("count", "any")
OF_AMOUNTS = ("sum", "avg")
OF_ORDERED = ("min", "max")
OF_VALUES = ("distinct", "latest", "earliest")
AGGREGATES = (*OF_ELEMENTS, *OF_AMOUNTS, *OF_ORDERED, *OF_VALUES)

WINDOW_UNITS = ("minute", "hour", "day", "week", "month")
SHORT_UNITS = ("minute", "hour")


@dataclass(frozen=True, slots=True)
class Found:
    """A source, the type and name of its elements, and the field asked of each (if any)."""

    source: EventSource | ListSource
    element: Kind
    name: str
    value: tuple[str, ...]
    value_kind: Kind


def find_source(path: nodes.Path, scope: Scope) -> Found | None:
    """Return what an aggregate's path means, or None, having said why nothing."""
    first = path.parts[0]
    is_event = first.text in scope.world.events and not _is_nearer(first.text, scope)
    if is_event:
        record: Kind = scope.world.events[first.text]
        root, rest = "", path.parts[1:]
    else:
        if not _means_something(first, scope):
            _say_unknown_source(first, scope)
            return None
        found = root_of(path, scope)
        if found is None:
            return None
        root, record, rest = found
    to_list = _to_list(record, rest)
    if to_list is None and not is_event:
        _say_no_list(record, rest, path, scope)
        return None
    listed, element = to_list or (0, record)
    names = tuple(name.text for name in rest)
    value_kind = walk(element, rest[listed:], path, scope)
    if value_kind is None or element == UNKNOWN:
        return None
    span = path.parts[0].span.to(path.parts[len(path.parts) - len(rest) + listed - 1].span)
    source: EventSource | ListSource
    if is_event:
        source = EventSource(first.text, names[:listed])
    else:
        source = ListSource(Ref(root, names[:listed], ListOf(element), span=span))
    label = f"`{'.'.join(path.names[: len(path.parts) - len(rest) + listed])}`"
    return Found(source, element, label, names[listed:], value_kind)


def _is_nearer(name: str, scope: Scope) -> bool:
    """Whether a field of the element of that name hides an event: only a list is a source."""
    fields = scope.element
    return isinstance(fields, Record) and isinstance(fields.get(name), ListOf)


def _means_something(name: nodes.Name, scope: Scope) -> bool:
    text = name.text
    has_field = isinstance(scope.element, Record) and scope.element.get(text) is not None
    return text in scope.roots or text in REACHES_OUT or has_field


def _say_unknown_source(name: nodes.Name, scope: Scope) -> None:
    world = scope.world
    if world.broken.may_declare(name.text):
        return
    fields = [
        field
        for field, kind in (scope.element.fields if isinstance(scope.element, Record) else ())
        if isinstance(kind, ListOf)
    ]
    hint = did_you_mean(name.text, [*world.events, *scope.roots, *fields])
    if name.text in world.lists:
        hint = f"a list stands after `in`: `category in {name.text}`"
    world.report.error("E202", name.span, f"there is no event or list `{name.text}` here", hint)


def _to_list(kind: Kind, names: tuple[nodes.Name, ...]) -> tuple[int, Kind] | None:
    """Return how many names lead to the first list, and the type of its elements."""
    if isinstance(kind, ListOf):
        return 0, kind.element
    for count, name in enumerate(names, start=1):
        if not isinstance(kind, Record):
            return None
        field = kind.get(name.text)
        if isinstance(field, ListOf):
            return count, field.element
        if field is None:
            return None
        kind = field
    return None


def _say_no_list(kind: Kind, names: tuple[nodes.Name, ...], path: nodes.Path, scope: Scope) -> None:
    reached = walk(kind, names, path, scope)
    if reached is not None:
        scope.world.report.error(
            "E220",
            path.span,
            f"`{path}` is {in_words(reached)}, not a list or an event",
            "aggregates go over events and lists: `count(order_placed, last 30 days)`",
        )


def result_of(function: str, found: Found, span: Span, scope: Scope) -> Kind | None:
    """Return the type of an aggregate, or None, having said what is wrong with its field."""
    report, kind = scope.world.report, found.value_kind
    if function in OF_ELEMENTS:
        if found.value:
            field = ".".join(found.value)
            report.error(
                "E226",
                span,
                f"`{function}` goes over {found.name} as a whole, not over `{field}`",
                f"leave out `.{field}`; `distinct` tells how many different ones there are",
            )
            return None
        return NUMBER if function == "count" else BOOL
    if not found.value and not is_scalar(kind):
        example = _example_field(function, kind)
        report.error(
            "E226",
            span,
            f"`{function}` needs a field of {found.name}",
            f"such as `{function}({found.name.strip('`')}.{example})`" if example else "",
        )
        return None
    if not _accepts(function, kind):
        field = ".".join(found.value) or found.name.strip("`")
        takes = "numbers and money" if function in OF_AMOUNTS else "what has an order"
        if function in OF_VALUES:
            takes = "single values"
        report.error("E226", span, f"`{function}` is of {takes}, and `{field}` is {in_words(kind)}")
        return None
    return NUMBER if function == "distinct" else kind


def _accepts(function: str, kind: Kind) -> bool:
    if function in OF_AMOUNTS:
        return kind == NUMBER or isinstance(kind, Money)
    return is_ordered(kind) if function in OF_ORDERED else is_scalar(kind)


def _example_field(function: str, element: Kind) -> str | None:
    fields = element.fields if isinstance(element, Record) else ()
    return next((name for name, kind in reversed(fields) if _accepts(function, kind)), None)


# --- windows -------------------------------------------------------------------------------------


def window_of(node: nodes.Window | None, found: Found, span: Span, scope: Scope) -> Window | None:
    """Return the time an aggregate covers; events have one always, lists never."""
    report = scope.world.report
    if isinstance(found.source, ListSource):
        if node is not None:
            message = f"{found.name} is a list of this moment: it has no window"
            report.error("E228", node.span, message, "leave it out; only events have windows")
        return None
    if node is None:
        message = f"over which time? {found.name} are events, and need a window"
        report.error("E227", span, message, "such as `last 90 days`, `this month` or `ever`")
        return Ever()
    return lowered_window(node, scope)


def lowered_window(node: nodes.Window, scope: Scope) -> Window:
    """Return a window, having said where it has no place."""
    report = scope.world.report
    match node:
        case nodes.Ever():
            return Ever()
        case nodes.Since(date=since):
            return Since(since.value.isoformat())
        case nodes.This(unit=unit):
            return This(unit)
        case nodes.Last(duration=duration):
            length = literals.length(duration, report)
            if length.unit not in WINDOW_UNITS:
                hint = f"write `last {12 * length.count} months`"
                report.error("E229", node.span, "a window is not counted in years", hint)
                return Ever()
            if scope.daily and length.unit in SHORT_UNITS:
                report.error(
                    "E228",
                    node.span,
                    f"no windows of minutes or hours in {scope.place}: memberships change only "
                    "when a day begins",
                    "such as `last 1 day`, which is today",
                )
            return Last(length.count, length.unit)
