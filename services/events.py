"""Taking events in: each is checked, kept once, and its lane rung. What follows is lanes' work."""

import asyncio
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from difflib import get_close_matches

from dsl.program import Program
from engine.incoming import Mismatch, instant, stored_record
from models.errors import Invalid
from models.event import VISITOR, Batch, Event, IncomingEvent, Outcome, Verdict
from models.ids import new_id
from models.membership import ANYTHING, IMPORTED
from models.store import Stores
from services import backlog, measures, visitors
from services.jobs import Job, Jobs
from services.rulebook import Published, Rulebook

MOST_EVENTS = 500
FUTURE = timedelta(minutes=5)
_OF_ORDERS = frozenset(("order_placed", "order_cancelled"))
# Printable, but for the bar that stands between source and id.
_SOURCE = re.compile(r"[!-{}~]{1,200}", re.ASCII)
_ID = re.compile(r"[^\x00-\x1f\x7f]{1,200}")


async def receive(
    batch: Sequence[IncomingEvent],
    *,
    stores: Stores,
    rulebook: Rulebook,
    jobs: Jobs,
    now: datetime,
) -> list[Verdict]:
    """Take events in from outside, as `ingest` does, unless too much waits already.

    Raises Invalid, and RateLimited.
    """
    await backlog.admit(stores)
    return await ingest(batch, stores=stores, rulebook=rulebook, jobs=jobs, now=now)


async def ingest(
    batch: Sequence[IncomingEvent],
    *,
    stores: Stores,
    rulebook: Rulebook,
    jobs: Jobs,
    now: datetime,
) -> list[Verdict]:
    """Keep these events and have them acted upon; return a verdict on each, in order.

    When this returns, every accepted event is on disk. Safe to repeat: an event that is there
    already is a duplicate. Raises Invalid for more than 500 events.
    """
    if len(batch) > MOST_EVENTS:
        raise Invalid(
            f"A call takes at most {MOST_EVENTS} events, not {len(batch)}.", field=("events",)
        )
    published = await rulebook.current()
    owners = await owners_of(batch, stores)
    verdicts: list[Verdict | None] = []
    events: list[Event] = []
    for incoming in batch:
        try:
            events.append(checked(incoming, owners, published, now))
            verdicts.append(None)
        except Mismatch as error:
            verdicts.append(
                Verdict(incoming.source, incoming.id, Outcome.REJECTED, error.path, error.reason)
            )
    duplicates = await stores.events.add(events)
    fresh = [event for place, event in enumerate(events) if place not in duplicates]
    if any(event.is_anonymous for event in fresh):
        fresh = await visitors.known_by_now(fresh, stores, published.number, now)
    await lanes_of(fresh, jobs)
    await stores.batches.add(
        Batch(
            id=new_id(),
            received_at=now,
            publication=published.number,
            accepted=len(fresh),
            duplicates=len(duplicates),
            rejected=len(batch) - len(events),
        )
    )
    kept = iter(range(len(events)))
    return [
        verdict or _kept(incoming, duplicate=next(kept) in duplicates)
        for verdict, incoming in zip(verdicts, batch, strict=True)
    ]


async def lanes_of(events: Iterable[Event], jobs: Jobs) -> None:
    """Ring the lanes of these events, but for those of whom nobody knows yet."""
    lanes = sorted({str(event.lane) for event in events if not event.is_anonymous})
    if lanes:
        await jobs.ring(Job.WORK_LANE, lanes)


async def bulk_history(
    events: Iterable[Event],
    *,
    stores: Stores,
    now: datetime,
    chunk: int = 5_000,
    at_once: int = 2,
) -> int:
    """Write events that are past as if they had been applied: they start nothing. For imports.

    Measures that there are count them; those to come are filled from them. Data must be in stored
    form already. Returns how many were new. Safe to repeat.
    """
    added = 0
    writing: set[asyncio.Task[int]] = set()

    async def write(part: list[Event]) -> int:
        duplicates = await stores.events.add(part, pending=False)
        # Also of those that were there: whoever wrote them may have been killed before this.
        await measures.add(part, stores=stores, wall=now)
        standing = await stores.standings.get()
        if standing.live or standing.filling:
            users = {event.user_id for event in part}
            await stores.looks.note(dict.fromkeys(users, ((ANYTHING,), IMPORTED)))
        return len(part) - len(duplicates)

    part: list[Event] = []
    for event in events:
        part.append(event)
        if len(part) == chunk:
            writing.add(asyncio.create_task(write(part)))
            part = []
            if len(writing) >= at_once:
                done, writing = await asyncio.wait(writing, return_when=asyncio.FIRST_COMPLETED)
                added += sum(task.result() for task in done)
    added += await write(part)
    return added + sum([await task for task in writing])


def _kept(incoming: IncomingEvent, *, duplicate: bool) -> Verdict:
    outcome = Outcome.DUPLICATE if duplicate else Outcome.ACCEPTED
    return Verdict(incoming.source, incoming.id, outcome)


@dataclass(frozen=True, slots=True)
class Owners:
    """Whose each reference is, and who each visitor is, as far as that is known."""

    users: Mapping[str, str]
    visitors: Mapping[str, str]

    def of(self, incoming: IncomingEvent) -> str:
        """Return whose event it is. Raises Mismatch."""
        if not incoming.user and incoming.anonymous:
            if not visitors.is_name(incoming.anonymous):
                most = visitors.LONGEST
                raise Mismatch(("anonymousId",), f"must be 1 to {most} printable characters")
            return self.visitors.get(incoming.anonymous, VISITOR + incoming.anonymous)
        if not incoming.user:
            raise Mismatch(("user",), "say whose it is, or give a visitor's `anonymousId`")
        user_id = self.users.get(incoming.user)
        if user_id is None:
            raise Mismatch(
                ("user",),
                f"nobody has the id {incoming.user[:100]!r} here or in another system;"
                " `register` them, or import them first",
            )
        return user_id


async def owners_of(batch: Sequence[IncomingEvent], stores: Stores) -> Owners:
    """Return whose these events are."""
    references = {incoming.user for incoming in batch if incoming.user}
    nobody = {incoming.anonymous for incoming in batch if not incoming.user and incoming.anonymous}
    known = await stores.users.known(sorted(references)) if references else frozenset()
    users = {user_id: user_id for user_id in known}
    if others := references - known:
        users |= await stores.identities.find_external(sorted(others))
    return Owners(users, await stores.identities.find_visitors(sorted(nobody)) if nobody else {})


def checked(incoming: IncomingEvent, owners: Owners, published: Published, now: datetime) -> Event:
    """Return an event as it is kept. Raises Mismatch if it is not as declared."""
    if not _SOURCE.fullmatch(incoming.source):
        raise Mismatch(("source",), "must be 1 to 200 printable ASCII characters, without |")
    if not _ID.fullmatch(incoming.id):
        raise Mismatch(("id",), "must be 1 to 200 printable characters")
    record = published.program.events.get(incoming.name)
    if record is None:
        raise Mismatch(("name",), _unknown(incoming.name, published.program))
    user_id = owners.of(incoming)
    if not isinstance(incoming.data, Mapping):
        raise Mismatch(("data",), "must be an object")
    at = now if incoming.at is None else instant(incoming.at, ("occurredAt",))
    if at - now > FUTURE:
        raise Mismatch(("occurredAt",), "is more than 5 minutes in the future")
    data = stored_record(incoming.data, record, published.program.currency, ("data",))
    return Event(
        id=key_of(incoming.source, incoming.id, incoming.name, data),
        name=incoming.name,
        user_id=user_id,
        at=at,
        received_at=now,
        publication=published.number,
        data=data,
    )


def key_of(source: str, event_id: str, name: str, data: Mapping[str, object]) -> str:
    """Return what an event is known by: its source and id there, but an order's by the order.

    An order is placed once, whoever reports it, and cancelled at most once.
    """
    order_id = data.get("order_id")
    if name in _OF_ORDERS and isinstance(order_id, str) and 0 < len(order_id) <= 200:
        return f"{name}|{order_id}"
    return f"{source}|{event_id}"


def _unknown(name: str, program: Program) -> str:
    near = get_close_matches(name, program.events, n=1)
    hint = f"did you mean `{near[0]}`?" if near else "the rules must declare it: `event … { … }`"
    return f"there is no event `{name[:100]}`; {hint}"
