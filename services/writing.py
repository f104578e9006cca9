"""Writing what a page has made of its people: measures and segments, in one update each.

Whoever was written by others since they were read goes the long way: their measures are made anew
of what is in the database, and they are noted to be looked at.
"""

import logging
from collections.abc import Collection, Sequence
from datetime import datetime

from models.event import Event
from models.store import Stores
from models.store.notes import Seen, rest_of
from models.store.persons import PersonChange
from services import measures
from services.judging import ahead, judge
from services.pages import Page, Whole

log = logging.getLogger(__name__)


async def write(
    page: Page, applied: Sequence[Event], *, stores: Stores, wall: datetime
) -> list[Seen]:
    """Write it, segments of those whose events were applied; return moves to be carried out.

    Safe to repeat as long as these events wait to be applied.
    """
    whole = page.whole
    if whole is None:
        return []
    await measures.give_up(
        [change.buckets for change in whole.changes.values()],
        whole.measures,
        stores=stores,
        wall=wall,
    )
    seen = _seen(page, whole, {event.user_id for event in applied})
    changes = [
        PersonChange(user_id, whole.changes.get(user_id), _worth_writing(seen.get(user_id)))
        for user_id in sorted(whole.changes.keys() | seen.keys())
    ]
    changes = [change for change in changes if change.facts or change.seen]
    held = await stores.persons.write(changes)
    late = {change.user_id for change in changes} - held
    unseen = (whole.changed.keys() & {event.user_id for event in applied}) - seen.keys()
    if late:
        log.info("%d people were written by others meanwhile", len(late))
        events = [event for event in page.events if event.user_id in late]
        await measures.add(events, program=page.rules.current.program, stores=stores, wall=wall)
    # After their measures, of which the next look is made.
    await stores.looks.note(
        {
            user_id: whole.changed[user_id]
            for user_id in sorted((late | unseen) & whole.changed.keys())
        }
    )
    # What lies ahead counts when its time has come.
    await stores.looks.look_by(ahead(applied, page.now))
    return [each for user_id, each in seen.items() if each.moves and user_id in held]


def _seen(page: Page, whole: Whole, applied: Collection[str]) -> dict[str, Seen]:
    """Judge people's segments, but those whose events failed."""
    failed = {event.user_id for event in page.events} - {*applied}
    found: dict[str, Seen] = {}
    for user_id, doubt in whole.doubts.items():
        if user_id in failed:
            continue
        known = page.facts.get(user_id, {})
        try:
            found[user_id] = judge(doubt.look, doubt.asked, known, doubt.members, whole.judging)
        except Exception:
            # Nobody's journey waits for this: it is noted, and tried again.
            log.exception("cannot judge the segments of user %s", user_id)
    return found


def _worth_writing(seen: Seen | None) -> Seen | None:
    """Return what was seen unless it is what is there already."""
    if seen is None or seen.moves or seen.missed is not None or seen.look.token is not None:
        return seen
    return (
        None if (seen.look.at, seen.look.changes_at) == (rest_of(seen), seen.changes_at) else seen
    )
