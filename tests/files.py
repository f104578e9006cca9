"""Files for imports: sent to a shop, and worked on."""

import json
from collections.abc import AsyncIterator
from typing import Any

from models.audit import Actor, Credential
from models.ids import new_id
from models.imports import Import, ImportKind, Options, RowError
from models.paging import Window
from services.audit import Recorder
from services.importing import receiving, working
from services.importing.working import Importing
from tests.shop import Shop


async def arriving(data: bytes, *, pieces: int = 1_000) -> AsyncIterator[bytes]:
    """Yield a file as it comes over a wire."""
    for at in range(0, len(data), pieces):
        yield data[at : at + pieces]


def asked(
    shop: Shop, kind: str, *, key: str = "", table: str = "csv", mapping: Any = None, **options: Any
) -> Import:
    """Return an import as it is asked for."""
    return Import(
        id=key or new_id(),
        kind=ImportKind(kind),
        table=table,
        mapping="" if mapping is None else json.dumps(mapping),
        by="shop",
        started_at=shop.clock.now(),
        touched_at=shop.clock.wall(),
        options=Options(**options),
    )


async def send(shop: Shop, kind: str, text: str, **more: Any) -> Import:
    """Send a file, and do no more."""
    return await receiving.receive(asked(shop, kind, **more), arriving(text.encode()), desk(shop))


def desk(shop: Shop) -> receiving.Desk:
    return receiving.Desk(
        stores=shop.stores,
        jobs=shop.bells,
        clock=shop.clock,
        recorder=Recorder(shop.stores, shop.clock.wall),
        by=Actor(Credential.COMMAND),
    )


def importing(shop: Shop) -> Importing:
    return Importing(stores=shop.stores, rulebook=shop.rulebook, clock=shop.clock)


async def take_in(shop: Shop, kind: str, text: str, **more: Any) -> Import:
    """Send a file and have it worked on; return how it ended."""
    job = await send(shop, kind, text, **more)
    await working.work(job.id, importing(shop))
    return await shop.stores.imports.get(job.id)


def counts(job: Import) -> tuple[int, int, int, int]:
    """Return how many rows created, updated, changed nothing and were refused."""
    return job.tally.created, job.tally.updated, job.tally.unchanged, job.tally.refused


async def refusals(shop: Shop, job: Import) -> list[RowError]:
    page = await shop.stores.import_errors.page(job.id, Window(limit=1_000))
    return list(page.items)


async def refused(shop: Shop, job: Import) -> list[tuple[int, str, str]]:
    """Return the row, the field and the code of each refusal."""
    return [(error.row, error.field, error.code) for error in await refusals(shop, job)]
