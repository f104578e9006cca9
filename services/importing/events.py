"""Events imported: as what was, counted and starting nothing. Orders are told as events, too."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from dsl.kinds import ListOf, Record
from engine.incoming import Mismatch
from models.event import Event, IncomingEvent
from models.imports import Row
from services import earning, events, facts
from services.importing import values
from services.importing.mapping import Refused
from services.importing.plan import Plan, Said, Work, readable, required
from services.importing.values import text
from services.journeys import Rules

SOURCE = "import"
HISTORY = 0  # received under no rules: nothing starts by it


async def plan(rows: Sequence[Row], work: Work) -> Plan:
    """Decide what becomes of events."""
    made = Plan()
    incoming = []
    for row, said in readable(rows, work, made):
        try:
            incoming.append(([row.number], [_event(said, work)]))
        except Refused as refused:
            made.refuse(row.number, refused)
    checked = await check(incoming, made, work)
    history, new = await history_of(checked, work)
    for numbers, told in checked:
        if new.isdisjoint(event.id for event in told):
            made.unchanged += len(numbers)
        else:
            made.created += len(numbers)
            # Of two rows that tell of the same event the first one does.
            new.difference_update(event.id for event in told)

    async def write() -> None:
        await keep(history, work)

    made.write = write
    return made


async def check(
    incoming: Sequence[tuple[list[int], list[IncomingEvent]]],
    made: Plan,
    work: Work,
    names: Mapping[str, str] = MappingProxyType({}),
) -> list[tuple[list[int], list[Event]]]:
    """Return the events that are as declared, refuse the rows of others.

    Some tell of one thing, which stood in some rows. `names` is what a file calls what events call
    otherwise.
    """
    owners = await events.owners_of([each for _, told in incoming for each in told], work.stores)
    accepted: list[tuple[list[int], list[Event]]] = []
    for rows, told in incoming:
        try:
            found = [events.checked(each, owners, work.published, work.now) for each in told]
        except Mismatch as error:
            for row in rows:
                made.refuse(row, _refused(error, names))
            continue
        # Received under no rules, so that nothing starts by them.
        accepted.append((rows, [replace(event, publication=HISTORY) for event in found]))
    return accepted


async def history_of(
    checked: Sequence[tuple[list[int], list[Event]]], work: Work
) -> tuple[list[Event], set[str]]:
    """Return all of these events, and the ids of those that are new."""
    # Those that are there are written again: whoever wrote them may have been killed in between.
    history = [event for _, told in checked for event in told]
    ids = [event.id for event in history]
    return history, set(ids) - await work.stores.events.known(ids)


async def keep(history: Sequence[Event], work: Work) -> None:
    """Write events that are past, and the points for them if that is asked. Safe to repeat."""
    await events.bulk_history(history, stores=work.stores, now=work.now)
    if work.job.options.points:
        await _earn(history, work)


async def _earn(history: Sequence[Event], work: Work) -> None:
    """Give the points that events earn by the rules that are live now. Safe to repeat."""
    told = [
        replace(event, publication=work.published.number)
        for event in history
        if not event.is_anonymous
    ]
    rules = await Rules.of({work.published.number}, work.published, work.rulebook)
    users = sorted({event.user_id for event in told})
    since = min((event.at for event in told), default=work.now)
    known = await facts.load(users, work.published, stores=work.stores, now=work.now, since=since)
    await earning.earn(told, rules, known, stores=work.stores, now=work.now)


def _event(said: Said, work: Work) -> IncomingEvent:
    name = text(required(said, "name"), "name")
    record = work.program.events.get(name)
    return IncomingEvent(
        id=text(required(said, "id"), "id"),
        name=name,
        user=text(said["user"], "user") if "user" in said else "",
        anonymous=text(said["anonymousId"], "anonymousId") if "anonymousId" in said else "",
        source=text(said["source"], "source") if "source" in said else SOURCE,
        at=when(said, "occurredAt", work),
        data=data_of(said, record, work),
    )


def when(said: Said, name: str, work: Work) -> Any:
    """Return a time that a row must say."""
    return values.moment(required(said, name), name, work.mapped.source(name), work.zone)


def data_of(said: Said, record: Record | None, work: Work) -> dict[str, Any]:
    """Return what a row says of an event beside the fields that all have."""
    found: dict[str, Any] = {}
    for key, value in said.items():
        prefix, _, name = key.partition(".")
        if prefix == "data":
            kind = record.get(name) if record else None
            if isinstance(kind, ListOf) and isinstance(kind.element, Record):
                kind = None  # only JSON can say these
            found[name] = values.sent(value, kind, key, work.mapped.source(key), work.zone)
    return found


def _refused(error: Mismatch, names: Mapping[str, str]) -> Refused:
    unknown = error.path == ("user",)
    name = ".".join(error.path)
    return Refused(
        names.get(name, name),
        "UNKNOWN_USER" if unknown else "INVALID",
        error.reason.partition(";")[0],
        "import users first, with the same externalId" if unknown else "",
    )
