"""Which measures are kept: those that live rules need, filled before they are read.

    register → lanes add to it from now on → fill everybody's, page by page → live
    → nobody needs it → retired, still added to → after a while removed

Until a measure is live, rules are judged by the events themselves, with the same answers: nothing
that is published waits. Two that look after measures at once do no harm.
"""

import asyncio
import logging
from datetime import datetime, timedelta
from itertools import groupby
from operator import attrgetter

from engine.measures import Wanted, measures_in
from models.measure import KeptMeasure, MeasureState
from models.store import Stores
from services import measures
from services.rulebook import Published

log = logging.getLogger(__name__)

PAGE = 500
# Longer than anybody goes by what is no longer so: who reads, and who publishes what was before.
GRACE = timedelta(minutes=10)


async def look_after(published: Published, *, stores: Stores, wall: datetime) -> None:
    """Begin, fill, retire and remove measures, as what is live needs it. Safe to repeat."""
    wanted = await asyncio.to_thread(measures_in, published.program)
    kept = {measure.id: measure for measure in await stores.measures.all()}
    await stores.measures.add([_new(wanted[key]) for key in wanted.keys() - kept.keys()])
    retired = {key for key, measure in kept.items() if measure.state is MeasureState.RETIRED}
    await stores.measures.revive(sorted(retired & wanted.keys()))
    await stores.measures.retire(sorted(kept.keys() - wanted.keys()), at=wall)
    await _remove(stores=stores, wall=wall)
    await _fill(stores=stores, wall=wall)


async def _fill(*, stores: Stores, wall: datetime) -> None:
    """Fill what is to be filled, going on where it was cut short."""
    while True:
        filling = [m for m in await stores.measures.all() if m.state is MeasureState.FILLING]
        if not filling:
            return
        alike = attrgetter("zone", "filled_to")
        _, group = next(groupby(sorted(filling, key=alike), alike))
        await _fill_alike(list(group), stores=stores, wall=wall)


async def _fill_alike(group: list[KeptMeasure], *, stores: Stores, wall: datetime) -> None:
    """Fill measures of one zone that have come equally far."""
    ids = [measure.id for measure in group]
    after = group[0].filled_to or ""
    while page := await stores.facts.ids_after(after, limit=PAGE):
        await measures.fill(page, group, stores=stores, wall=wall)
        after = page[-1]
        await stores.measures.note_filled(ids, after)
    await stores.measures.go_live(ids)
    log.info("%d measures are live", len(ids))


async def _remove(*, stores: Stores, wall: datetime) -> None:
    removing = await stores.measures.start_removing(wall - GRACE)
    if removing:
        await stores.facts.drop([measure.id for measure in removing])
        await stores.measures.forget(removing)


def _new(wanted: Wanted) -> KeptMeasure:
    folding = wanted.folding
    return KeptMeasure(
        id=folding.id,
        slot=wanted.measure.slot,
        event=folding.event,
        zone=folding.zone,
        contribution=folding.contribution,
        group=folding.group,
        value=folding.value,
    )
