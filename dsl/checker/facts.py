"""The facts that files declare, put together with those that are built in."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from dsl import nodes
from dsl.builtin import EVENT_TIME, FIXED_EVENT, ITEM, USER, events_of
from dsl.checker import literals
from dsl.checker.agreement import in_words
from dsl.checker.report import Report
from dsl.diagnostics import Span
from dsl.kinds import Kind, ListOf, Money, Record, Simple, Text

Fields = dict[str, Kind]


@dataclass(slots=True)
class _Declared:
    """One event or one set of attributes as declared so far, and where each field was."""

    fields: Fields = field(default_factory=dict)
    spans: dict[str, Span] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Facts:
    currency: str
    events: Mapping[str, Record]
    user: Record
    item: Record


def gather(
    declarations: Sequence[nodes.Declaration], currency: str | None, report: Report
) -> Facts:
    """Merge all declarations of facts. `currency` is the workspace's, None for the files' own."""
    money = currency or _currency_of(declarations) or "USD"
    events = _events(declarations, money, currency is not None, report)
    user = _attributes("user", USER, declarations, report)
    item = _attributes("item", ITEM, declarations, report)
    return Facts(money, events, user, item)


def _currency_of(declarations: Sequence[nodes.Declaration]) -> str | None:
    """Return the currency in which the files' own `order_placed` has its total."""
    for node in declarations:
        if isinstance(node, nodes.Event) and node.name.text == FIXED_EVENT:
            for entry in node.record.fields:
                if entry.name.text == "total" and isinstance(entry.type, nodes.MoneyType):
                    return entry.type.currency
    return None


# --- types ---------------------------------------------------------------------------------------


def kind_of(node: nodes.Type, report: Report) -> Kind:
    """Return the type that was written."""
    match node:
        case nodes.SimpleType(name="text"):
            return Text()
        case nodes.SimpleType(name=name):
            return Simple(name)
        case nodes.MoneyType(currency=currency):
            literals.knows_currency(currency, node.span, report)
            return Money(currency)
        case nodes.OneOfType(options=options):
            return Text(_distinct(options, report))
        case nodes.ListType(element=element):
            return ListOf(kind_of(element, report))
        case nodes.RecordType():
            return Record(tuple(_fields_of(node, report).fields.items()))


def _distinct(options: Iterable[nodes.Text], report: Report) -> tuple[str, ...]:
    seen: dict[str, None] = {}
    for option in options:
        if option.value in seen:
            report.error("E212", option.span, f'"{option.value}" is in the set already')
        seen[option.value] = None
    return tuple(seen)


def _fields_of(node: nodes.RecordType, report: Report) -> _Declared:
    declared = _Declared()
    for entry in node.fields:
        name, kind = entry.name.text, kind_of(entry.type, report)
        if name in declared.fields:
            report.error("E212", entry.name.span, f"there is a field `{name}` already")
            continue
        declared.fields[name] = kind
        declared.spans[name] = entry.name.span
    return declared


# --- events --------------------------------------------------------------------------------------


def _events(
    declarations: Sequence[nodes.Declaration], money: str, is_settled: bool, report: Report
) -> dict[str, Record]:
    events = dict(events_of(money))
    first: dict[str, tuple[nodes.Event, Fields]] = {}
    for node in declarations:
        if not isinstance(node, nodes.Event):
            continue
        name = node.name.text
        declared = _fields_of(node.record, report)
        _keep_time(name, declared, report)
        if name not in first:
            first[name] = node, declared.fields
            built_in = events.get(name)
            events[name] = (
                Record((EVENT_TIME, *declared.fields.items()))
                if built_in is None
                else _extended(node, built_in, declared, is_settled, report)
            )
            continue
        before, fields = first[name]
        if before.name.span.file == node.name.span.file:
            where = f"it is declared in line {before.name.span.line}"
            report.error("E209", node.name.span, f"there is an event `{name}` already", where)
        elif name in events_of(money):
            # Two files may each add what they need to a built-in event.
            events[name] = _extended(node, events[name], declared, is_settled, report)
        elif _differing(fields, declared.fields) is not None:
            other = before.name.span
            message = f"event `{name}` is declared differently in {other.file or 'another file'}"
            difference = _differing(fields, declared.fields)
            report.error("E210", node.name.span, message, f"`{difference}` is not the same there")
    return events


def _keep_time(event: str, declared: _Declared, report: Report) -> None:
    name, kind = EVENT_TIME
    if declared.fields.pop(name, kind) != kind:
        report.error(
            "E211",
            declared.spans[name],
            f"`{event}.{name}` is built in: it is when the event happened",
            "give the field another name",
        )


def _differing(mine: Fields, theirs: Fields) -> str | None:
    return next((name for name in {**mine, **theirs} if mine.get(name) != theirs.get(name)), None)


def _extended(
    node: nodes.Event, built_in: Record, declared: _Declared, is_settled: bool, report: Report
) -> Record:
    """Return a built-in event with a declaration's fields, which may only repeat or add."""
    fields: Fields = dict(built_in.fields)
    is_fixed = node.name.text == FIXED_EVENT
    for name, kind in declared.fields.items():
        merged = _merged(fields.get(name), kind)
        if merged is None and is_fixed:
            was = fields[name]
            hint = ""
            if isinstance(was, Money) and isinstance(kind, Money) and is_settled:
                hint = f"the workspace's currency is {was.currency}"
            path = f"{node.name.text}.{name}"
            message = f"`{path}` is built in, as {_shown(was)}"
            report.error("E210", declared.spans[name], message, hint)
            continue
        fields[name] = kind if merged is None else merged
    return Record(tuple(fields.items()))


def _shown(kind: Kind) -> str:
    return str(kind) if isinstance(kind, ListOf | Record) else in_words(kind)


def _merged(mine: Kind | None, theirs: Kind) -> Kind | None:
    """Return what both say of a field, records having the fields of both; None if they differ."""
    match mine, theirs:
        case None, _:
            return theirs
        case ListOf(one), ListOf(other):
            element = _merged(one, other)
            return None if element is None else ListOf(element)
        case Record(), Record():
            fields: Fields = dict(mine.fields)
            for name, kind in theirs.fields:
                merged = _merged(fields.get(name), kind)
                if merged is None:
                    return None
                fields[name] = merged
            return Record(tuple(fields.items()))
        case Text(None), Text():
            # A closed set says more about the same text.
            return theirs
        case _:
            return mine if mine == theirs else None


# --- attributes ----------------------------------------------------------------------------------


def _attributes(
    subject: str, built_in: Record, declarations: Sequence[nodes.Declaration], report: Report
) -> Record:
    known = _Declared()
    for node in declarations:
        if not isinstance(node, nodes.Attributes) or node.subject != subject:
            continue
        declared = _fields_of(node.record, report)
        for name, kind in declared.fields.items():
            span = declared.spans[name]
            if built_in.get(name) is not None:
                hint = "give the attribute another name"
                report.error("E211", span, f"`{subject}.{name}` is built in", hint)
            elif name not in known.fields:
                known.fields[name] = kind
                known.spans[name] = span
            elif known.spans[name].file == span.file:
                where = f"it is declared in line {known.spans[name].line}"
                message = f"there is an attribute `{subject}.{name}` already"
                report.error("E209", span, message, where)
            elif known.fields[name] != kind:
                where = known.spans[name].file or "another file"
                message = f"`{subject}.{name}` is {_shown(known.fields[name])} in {where}"
                report.error("E210", span, message, "a fact has one type in all files")
    return Record((*built_in.fields, *known.fields.items()))
