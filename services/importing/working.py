"""Working on imports: page after page, one worker to an import.

    read a page ─► plan it ─► keep which rows are refused, and what it comes to ─► write it
    ─► note that it is done ─► delete it ─► the next

Killed anywhere, the next worker takes the page again: what is written is keyed by what it is, and
what was counted counts once, with the note that the page is done. A page at which five tries fail,
or five workers die, ends its import.
"""

import logging
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from zoneinfo import ZoneInfo

from models.errors import Conflict, Unavailable
from models.imports import Import, ImportKind, ImportState, Row, Tally
from models.store import Stores
from services.clock import Clock
from services.importing import events, orders, products, users
from services.importing.mapping import parse
from services.importing.plan import Plan, Planner, Work
from services.jobs import Job, Jobs
from services.keeping import kept
from services.rulebook import Rulebook

log = logging.getLogger(__name__)

LEASE = 30.0  # seconds
FAILURES = 5
ABANDONED = timedelta(hours=1)
PLANNERS: Mapping[ImportKind, Planner] = {
    ImportKind.USERS: users.plan,
    ImportKind.PRODUCTS: products.plan,
    ImportKind.ORDERS: orders.plan,
    ImportKind.EVENTS: events.plan,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Importing:
    """What working on imports needs. `stopping` is asked between pages."""

    stores: Stores
    rulebook: Rulebook
    clock: Clock
    stopping: Callable[[], bool] = lambda: False


async def look_after(*, stores: Stores, jobs: Jobs, clock: Clock) -> None:
    """Have imports worked on, and give up those whose file never arrived."""
    if ids := await stores.imports.running(limit=100):
        await jobs.ring(Job.WORK_IMPORT, ids)
    for import_id in await stores.imports.abandoned(clock.wall() - ABANDONED):
        await _end(import_id, ImportState.FAILED, "The file never arrived.", stores, clock)


async def cancel(import_id: str, *, stores: Stores, clock: Clock) -> Import:
    """End an import after the page that is being worked on; what was written stays.

    Raises NotFound, and Conflict (IMPORT_OVER) if it is over.
    """
    job = await stores.imports.get(import_id)
    if job.state is not ImportState.CANCELLED and not await _end(
        import_id, ImportState.CANCELLED, "", stores, clock
    ):
        raise Conflict(f"The import is {job.state.value}.", code="IMPORT_OVER", field=("id",))
    return await stores.imports.get(import_id)


async def work(import_id: str, importing: Importing) -> None:
    """Work on an import, unless another worker does. Safe to run twice, also at once."""
    stores = importing.stores
    job = await stores.imports.find(import_id)
    if job is None or job.state is not ImportState.RUNNING:
        return
    lease = await stores.leases.acquire(f"import:{import_id}", seconds=LEASE)
    if lease is None:
        return
    try:
        async with kept([lease], seconds=LEASE, stores=stores):
            if lease.abandoned and await _is_given_up(import_id, importing):
                return
            while not importing.stopping() and await _step(import_id, importing):
                if await stores.leases.renew(lease, seconds=LEASE) is None:
                    log.warning("another worker has the import %s", import_id)
                    return
    finally:
        with suppress(Unavailable):
            await stores.leases.release(lease)


async def _is_given_up(import_id: str, importing: Importing) -> bool:
    """Count a try at the page of which the holder before may have died; whether it was the last."""
    stores, clock = importing.stores, importing.clock
    job = await stores.imports.find(import_id)
    if job is None or job.state is not ImportState.RUNNING:
        return False
    if await stores.imports.count_failure(job) < FAILURES:
        return False
    log.error("the import %s is given up: page %s kills its worker", import_id, job.next_page)
    reason = f"Page {job.next_page}: its worker was killed again and again."
    await _end(import_id, ImportState.FAILED, reason, stores, clock)
    return True


async def _step(import_id: str, importing: Importing) -> bool:
    """Do the next page; return whether there may be more to do."""
    stores, clock = importing.stores, importing.clock
    job = await stores.imports.find(import_id)
    if job is None or job.state is not ImportState.RUNNING:
        await stores.import_pages.delete_all(import_id)
        return False
    if job.next_page >= job.pages:
        await _end(import_id, ImportState.DONE, "", stores, clock)
        return False
    page = await stores.import_pages.find(import_id, job.next_page)
    if page is None:
        return await _is_done_elsewhere(job, importing)
    try:
        tally = await _take(job, *page, importing)
    except (Unavailable, Conflict):
        raise
    except Exception as error:
        log.exception("cannot take in page %s of the import %s", job.next_page, import_id)
        if await stores.imports.count_failure(job) >= FAILURES:
            reason = f"Page {job.next_page}: {type(error).__name__}"
            await _end(import_id, ImportState.FAILED, reason, stores, clock)
        return False
    await stores.imports.advance(job, tally, wall=clock.wall())
    await stores.import_pages.delete(import_id, job.next_page)
    return True


async def _is_done_elsewhere(job: Import, importing: Importing) -> bool:
    """Whether another worker has done the page that is gone; else the import fails."""
    again = await importing.stores.imports.find(job.id)
    if again is not None and again.next_page == job.next_page:
        reason = f"Page {job.next_page} of the file is gone; send it again under another key."
        await _end(job.id, ImportState.FAILED, reason, importing.stores, importing.clock)
        return False
    return True


async def _take(job: Import, rows: list[Row], decided: Tally | None, importing: Importing) -> Tally:
    """Plan a page and write it; return what it comes to."""
    stores, wall = importing.stores, importing.clock.wall()
    plan = await _planned(job, rows, importing)
    if decided is None:
        await stores.import_errors.put(job.id, plan.errors, wall=wall)
        await stores.import_pages.decide(job.id, job.next_page, plan.tally)
    if not job.options.dry_run:
        await plan.write()
    return decided or plan.tally


async def _planned(job: Import, rows: list[Row], importing: Importing) -> Plan:
    published = await importing.rulebook.current()
    workspace = await importing.stores.workspace.get()
    work = Work(
        stores=importing.stores,
        rulebook=importing.rulebook,
        clock=importing.clock,
        published=published,
        job=job,
        mapped=parse(job.mapping, job.kind),
        zone=ZoneInfo(workspace.zone),
        currency=workspace.currency,
    )
    return await PLANNERS[job.kind](rows, work)


async def _end(
    import_id: str, state: ImportState, reason: str, stores: Stores, clock: Clock
) -> bool:
    """End an import and delete what is left of its file."""
    ended = await stores.imports.end(import_id, state, now=clock.now(), reason=reason)
    await stores.import_pages.delete_all(import_id)
    return ended
