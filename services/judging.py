"""Which segments someone has come into or left, judged on what has been read of them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

import dsl
from engine.membership import Watch, watch_of
from models.event import Event
from models.ids import new_id
from models.membership import ANYTHING, Cause, CauseKind, Look, Move, Standing
from models.store.notes import Seen


@dataclass(frozen=True, slots=True)
class Judging:
    """What judging people needs. `numbers` are those of the segments that do not stand still."""

    watch: Watch
    moment: dsl.Moment
    numbers: Mapping[str, int]
    missed: int | None

    @classmethod
    def of(cls, standing: Standing, program: dsl.Program, now: datetime) -> Self:
        """Judge by a program's segments as they stand at a moment."""
        frozen = standing.frozen()
        return cls(
            watch_of(program),
            dsl.Moment(now, program.zone, program),
            {name: number for name, number in standing.live.items() if name not in frozen},
            standing.filling.number if standing.filling else None,
        )


def changed_by(
    events: Iterable[Event], watches: Sequence[Watch]
) -> dict[str, tuple[frozenset[str], Cause]]:
    """Return by person which facts that segments ask about events change, and the last of them."""
    changed: dict[str, tuple[frozenset[str], Cause]] = {}
    for event in events:
        facts = frozenset[str]().union(*(watch.changed_by(event) for watch in watches))
        if facts:
            before = changed[event.user_id][0] if event.user_id in changed else frozenset()
            changed[event.user_id] = (before | facts, Cause(CauseKind.EVENT, event.id))
    return changed


def ahead(events: Iterable[Event], now: datetime) -> dict[str, datetime]:
    """Return by person the first of these events that lies ahead."""
    found: dict[str, datetime] = {}
    for event in events:
        if event.at > now:
            found[event.user_id] = min(event.at, found.get(event.user_id, event.at))
    return found


def concerned(look: Look, judging: Judging) -> frozenset[str]:
    """Return the segments that someone may have come into or left."""
    everything = _is_due_by_time(look, judging.moment.now) or (look.token is None and not look.of)
    changed = (ANYTHING,) if everything else look.of
    return judging.watch.concerned(changed) & judging.numbers.keys()


def _is_due_by_time(look: Look, now: datetime) -> bool:
    return look.changes_at is not None and look.changes_at <= now


def _happened_after(instant: datetime, known: Mapping[str, Any]) -> bool:
    events = known.get("events", {}).values()
    return any(event["time"] > instant for happened in events for event in happened)


def judge(
    look: Look,
    concerned: frozenset[str],
    known: Mapping[str, Any],
    members: Iterable[str],
    judging: Judging,
) -> Seen:
    """Return what looking at someone comes to. `members` are the segments that they were in."""
    ahead = None if _is_due_by_time(look, judging.moment.now) else look.changes_at
    if not concerned:
        return Seen(look=look, changes_at=ahead, missed=judging.missed)
    was = concerned.intersection(members)  # others may have been read for someone else
    holding = judging.watch.holding(concerned, known, judging.moment)
    today = judging.moment.today
    cause, at = look.cause, judging.moment.now
    if cause is None:
        cause = Cause(CauseKind.DAY, today.isoformat())
        begun = judging.moment.first_instant(today)
        # Done since, something may be why, and no run is to start before what starts it.
        if not _happened_after(begun, known):
            at = begun
    moves = tuple(
        Move(
            id=new_id(),
            segment=name,
            number=judging.numbers[name],
            entered=name in holding,
            at=at,
            cause=cause,
        )
        for name in sorted(was ^ holding)
    )
    turns = (judging.watch.next_change(concerned, holding, known, judging.moment), ahead)
    changes_at = min((turn for turn in turns if turn is not None), default=None)
    return Seen(look=look, moves=moves, changes_at=changes_at, missed=judging.missed)
