"""Processes that change things and continue the audit log's chain at the same time."""

import asyncio
import multiprocessing

from models.store import Stores
from services import audit
from tests.faults import recording

FORKED = multiprocessing.get_context("forkserver")
FORKED.set_forkserver_preload(["tests.faults.recording"])
CHANGES = 100


async def test_the_changes_of_two_processes_are_chained_without_a_gap(database, mongodb_uri):
    processes = [
        FORKED.Process(
            target=recording.record, args=(mongodb_uri, database.name, name, CHANGES), daemon=True
        )
        for name in ("one", "other")
    ]
    for process in processes:
        process.start()
    for process in processes:
        await asyncio.to_thread(process.join, 120)

    stores = Stores.over(database)
    while await audit.link(stores=stores, wall=recording.now()):
        pass

    assert (await audit.check(stores=stores))[1] == []
    entries = [entry async for entry in stores.audit.raw()]
    assert [entry["_id"] for entry in entries] == list(range(1, 2 * CHANGES + 1))
    assert {entry["operation"] for entry in entries} == {
        f"{name}{number}" for name in ("one", "other") for number in range(CHANGES)
    }
