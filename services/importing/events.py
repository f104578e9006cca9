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
    await settle(incoming, made, work)
    return made


async def settle(
    incoming: Sequence[tuple[list[int], list[IncomingEvent]]],
    made: Plan,
    work: Work,
    names: Mapping[str, str] = MappingProxyType({}),
) -> None:
    """Check events and plan to keep them. Some tell of one thing, which stood in some rows.

    `names` is what a file calls what events call otherwise.
    """
    owners = await events.owners_of([each for _, told in incoming for each in told], work.stores)
    fresh: dict[str, Event] = {}
    checked: list[tuple[list[int], list[Event]]] = []
    for rows, told in incoming:
        try:
            found = [events.checked(each, owners, work.published, work.now) for each in told]
        except Mismatch as error:
            for row in rows:
                made.refuse(row, _refused(error, names))
            continue
        checked.append((rows, found))
    ids = [event.id for _, found in checked for event in found]
    there = set(await work.stores.events.known(ids))
    for rows, found in checked:
        new = [event for event in found if event.id not in there]
        there.update(event.id for event in new)
        fresh |= {event.id: replace(event, publication=HISTORY) for event in new}
        if new:
            made.created += len(rows)
        else:
            made.unchanged += len(rows)
    # Those that were there are written again: whoever wrote them may have been killed in between.
    history = [replace(event, publication=HISTORY) for _, found in checked for event in found]

    async def write() -> None:
        await events.bulk_history(history, stores=work.stores, now=work.now)
        if work.job.options.points:
            await _earn(history, work)

    made.write = write


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
