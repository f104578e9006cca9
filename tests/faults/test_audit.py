"""Processes that change things and continue the audit log's chain at the same time."""

import asyncio
import multiprocessing
from collections import Counter
from datetime import timedelta

from models.store import Stores
from services import chaining
from services.chaining import PATIENCE
from tests.faults import recording
from tests.waiting import until

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
    while await chaining.link(stores=stores, wall=recording.now(), keys=recording.KEYS):
        pass

    assert (await chaining.check(stores=stores, keys=recording.KEYS))[1] == []
    entries = [entry async for entry in stores.audit.raw()]
    assert [entry["_id"] for entry in entries] == list(range(1, 2 * CHANGES + 1))
    assert {entry["operation"] for entry in entries} == {
        f"{name}{number}" for name in ("one", "other") for number in range(CHANGES)
    }


async def test_whatever_was_changed_has_one_entry_however_often_those_who_change_it_are_killed(
    database, mongodb_uri
):
    changed = database["changed"]
    for life in range(4):
        process = FORKED.Process(
            target=recording.change_until_killed,
            args=(mongodb_uri, database.name, f"life{life}"),
            daemon=True,
        )
        process.start()
        mine = {"_id": {"$regex": f"^life{life}-"}}
        await until(lambda mine=mine, most=100 * life: _more(changed, mine, most))
        process.kill()
        await asyncio.to_thread(process.join, 60)

    stores = Stores.over(database)
    later = recording.now() + PATIENCE + timedelta(seconds=1)
    while await chaining.link(stores=stores, wall=later, keys=recording.KEYS):
        pass

    named = Counter([entry["about"][0] async for entry in stores.audit.raw()])
    made = {f"Thing:{document['_id']}" async for document in changed.find()}
    assert made <= named.keys()
    assert set(named.values()) == {1}
    # Whatever has an entry and was not changed was under way when its process was killed.
    assert len(named) - len(made) <= 4 * recording.AT_ONCE


async def _more(documents, query, most):
    return await documents.count_documents(query) > most
