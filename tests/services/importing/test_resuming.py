"""Imports that are cut short go on where they were, and nothing is there twice."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from urllib.parse import urlsplit

import pytest
from bson.codec_options import CodecOptions
from motor.motor_asyncio import AsyncIOMotorClient

from models.errors import Conflict, Invalid, RateLimited, Unavailable
from models.imports import ImportState, Tally
from models.store import Stores
from services.importing import receiving, working
from services.jobs import Job
from tests.files import arriving, asked, counts, desk, importing, refusals, refused, send, take_in
from tests.shop import Shop
from tests.wire import between

ROWS = 1_200
FILE = "externalId,email\n" + "".join(f"{n},u{n}@x.test\n" for n in range(ROWS))


async def cut_short(data: bytes) -> AsyncIterator[bytes]:
    yield data[: len(data) // 2]
    raise ConnectionResetError


async def pages(shop):
    return await shop.stores.import_pages.documents.count_documents({})


async def test_a_file_that_was_cut_short_is_sent_again_under_its_key(shop):
    with pytest.raises(ConnectionResetError):
        await receiving.receive(asked(shop, "users", key="k"), cut_short(FILE.encode()), desk(shop))
    assert await pages(shop) == 1
    await working.work("k", importing(shop))
    assert await shop.stores.users.documents.count_documents({}) == 0

    job = await take_in(shop, "users", FILE, key="k")

    assert (job.state, job.rows, counts(job)) == (ImportState.DONE, ROWS, (ROWS, 0, 0, 0))
    assert await pages(shop) == 0


async def test_the_same_file_under_the_same_key_is_the_same_import(shop):
    first = await take_in(shop, "users", FILE, key="k")

    again = await take_in(shop, "users", FILE, key="k")

    assert again == first
    assert await shop.stores.users.documents.count_documents({}) == ROWS


async def test_another_file_under_the_key_is_refused(shop):
    with pytest.raises(ConnectionResetError):
        await receiving.receive(asked(shop, "users", key="k"), cut_short(FILE.encode()), desk(shop))
    with pytest.raises(Conflict, match="Part of another file"):
        await send(shop, "users", FILE.replace("u1@", "v1@"), key="k")
    await send(shop, "users", FILE, key="k")

    with pytest.raises(Conflict, match="Another file"):
        await send(shop, "users", FILE + "x,\n", key="k")
    with pytest.raises(Conflict, match="Something else"):
        await send(shop, "users", FILE, key="k", dry_run=True)


async def test_of_a_file_that_is_broken_somewhere_nothing_is_left(shop):
    broken = FILE.encode() + "x,\xfc@x.test\n".encode("latin-1")

    with pytest.raises(Invalid, match=f"Line {ROWS + 2} is not UTF-8"):
        await receiving.receive(asked(shop, "users", key="k"), arriving(broken), desk(shop))

    assert await pages(shop) == 0
    assert await shop.stores.imports.find("k") is None
    assert (await take_in(shop, "users", FILE, key="k")).state is ImportState.DONE


async def test_a_dry_run_writes_nothing_and_says_what_would_be(shop):
    await take_in(shop, "users", "externalId,name\n1,Ann\n2,Ben\n")
    before = await shop.stores.users.documents.find().sort("_id").to_list()

    job = await take_in(shop, "users", "externalId,name\n1,Anna\n2,Ben\n3,Cyd\n,D\n", dry_run=True)

    assert counts(job) == (1, 1, 1, 1)
    assert job.written == 0
    assert await refused(shop, job) == [(5, "externalId", "REQUIRED")]
    assert await shop.stores.users.documents.find().sort("_id").to_list() == before
    assert await shop.stores.identities.find_external(["3"]) == {}


async def test_a_worker_that_is_told_to_stop_leaves_the_rest_to_the_next(shop):
    await send(shop, "users", FILE, key="k")
    done = iter([False, True])
    stopping = working.Importing(
        stores=shop.stores,
        rulebook=shop.rulebook,
        clock=shop.clock,
        stopping=lambda: next(done),
    )

    await working.work("k", stopping)
    job = await shop.stores.imports.get("k")
    assert (job.state, counts(job)) == (ImportState.RUNNING, (500, 0, 0, 0))
    await working.work("k", importing(shop))

    assert counts(await shop.stores.imports.get("k")) == (ROWS, 0, 0, 0)


async def test_what_is_cancelled_goes_no_further(shop):
    await send(shop, "users", FILE, key="k")

    job = await working.cancel("k", stores=shop.stores, clock=shop.clock)
    await working.work("k", importing(shop))

    assert job.state is ImportState.CANCELLED
    assert (await shop.stores.users.documents.count_documents({}), await pages(shop)) == (0, 0)
    assert await working.cancel("k", stores=shop.stores, clock=shop.clock) == job
    await take_in(shop, "users", FILE, key="l")
    with pytest.raises(Conflict, match="done"):
        await working.cancel("l", stores=shop.stores, clock=shop.clock)


async def test_a_file_that_is_gone_fails_the_import_instead_of_being_looked_for_for_ever(shop):
    await send(shop, "users", FILE, key="k")
    await shop.stores.import_pages.delete("k", 1)

    await working.work("k", importing(shop))

    job = await shop.stores.imports.get("k")
    assert (job.state, counts(job)) == (ImportState.FAILED, (500, 0, 0, 0))
    assert "Page 1 of the file is gone" in job.reason


async def test_whoever_sends_the_same_too_late_leaves_nothing_behind(shop):
    async def late():
        yield FILE.encode()
        await take_in(shop, "users", FILE, key="k")

    job = await receiving.receive(asked(shop, "users", key="k"), late(), desk(shop))

    assert (job.state, await pages(shop)) == (ImportState.DONE, 0)


async def test_imports_are_rung_for_until_they_are_over_and_abandoned_files_given_up(shop):
    await send(shop, "users", FILE, key="k")
    with pytest.raises(ConnectionResetError):
        await receiving.receive(asked(shop, "users", key="l"), cut_short(FILE.encode()), desk(shop))
    shop.bells.rung.clear()

    await working.look_after(stores=shop.stores, jobs=shop.bells, clock=shop.clock)
    assert shop.bells.take(Job.WORK_IMPORT) == ["k"]

    shop.clock.real += working.ABANDONED + timedelta(seconds=1)
    await working.look_after(stores=shop.stores, jobs=shop.bells, clock=shop.clock)
    assert (await shop.stores.imports.get("l")).state is ImportState.FAILED


async def test_no_more_are_taken_than_are_worked_on(shop):
    for number in range(receiving.MOST_OPEN):
        await send(shop, "products", "sku\nA\n", key=f"k{number}")

    with pytest.raises(RateLimited):
        await send(shop, "products", "sku\nA\n", key="more")

    assert (await send(shop, "products", "sku\nA\n", key="k1")).state is ImportState.RUNNING


async def test_cut_off_after_any_write_it_goes_on_and_counts_each_row_once(
    shop, database, mongodb_uri
):
    file = "externalId,email\n1,a@x.test\n2,b@x.test\n,\n3,c@x.test\n4,nonsense\n"
    async with between(urlsplit(mongodb_uri).port) as wire:
        client = AsyncIOMotorClient(wire.uri, retryWrites=False, retryReads=False)
        cut = client.get_database(database.name, codec_options=CodecOptions(tz_aware=True))
        for number in range(1, 100):
            await shop.stores.users.documents.delete_many({})
            await shop.stores.identities.documents.delete_many({})
            key = f"k{number}"
            await send(shop, "users", file, key=key)
            wire.arm(number, before=False, strike=lambda: None)
            with suppress(Unavailable):
                # A breaker of its own: what it learns of one cut is not for the next.
                await working.work(key, importing(Shop(Stores.over(cut), "", clock=shop.clock)))
            struck = wire.struck
            wire.at = 0
            await shop.stores.leases.documents.delete_many({})  # as when it has run out
            await working.work(key, importing(shop))

            job = await shop.stores.imports.get(key)
            assert (job.state, job.tally) == (ImportState.DONE, Tally(3, 0, 0, 1)), wire.seen
            assert len(await refusals(shop, job)) == 1
            assert await shop.stores.users.documents.count_documents({}) == 3, wire.seen
            assert await shop.stores.identities.documents.count_documents({}) == 6
            if not struck:
                break
        # It waits for an answer, which the proxy gives in this loop.
        await asyncio.to_thread(client.close)
    assert number > 8


async def test_an_import_whose_page_kills_its_worker_again_and_again_is_given_up(shop):
    await send(shop, "users", FILE, key="k")
    for _ in range(working.FAILURES - 1):
        await shop.stores.leases.acquire("import:k", seconds=0)  # as a killed worker leaves it
        await shop.stores.imports.count_failure(await shop.stores.imports.get("k"))
    await shop.stores.leases.acquire("import:k", seconds=0)

    await working.work("k", importing(shop))

    job = await shop.stores.imports.get("k")
    assert job.state is ImportState.FAILED
    assert "killed again and again" in job.reason
    assert await pages(shop) == 0
    assert await shop.stores.users.documents.count_documents({}) == 0


async def test_a_page_that_is_done_after_all_ends_the_counting(shop):
    await send(shop, "users", FILE, key="k")
    for _ in range(working.FAILURES - 2):
        await shop.stores.imports.count_failure(await shop.stores.imports.get("k"))
    await shop.stores.leases.acquire("import:k", seconds=0)
    stops = iter([False, True])

    await working.work("k", replace(importing(shop), stopping=lambda: next(stops)))

    job = await shop.stores.imports.get("k")
    assert (job.state, job.next_page, job.failures) == (ImportState.RUNNING, 1, 0)


async def test_a_page_that_takes_longer_than_a_lease_is_nobody_elses(shop, monkeypatch):
    monkeypatch.setattr(working, "LEASE", 3.0)
    put = type(shop.stores.import_errors).put
    taken: list[bool] = []

    async def slowly(self, *args, **more):
        if not taken:
            await asyncio.sleep(4)
        taken.append(await shop.stores.leases.acquire("import:k", seconds=0) is not None)
        await put(self, *args, **more)

    monkeypatch.setattr(type(shop.stores.import_errors), "put", slowly)

    job = await take_in(shop, "users", FILE, key="k")

    assert job.state is ImportState.DONE
    assert taken
    assert not any(taken)
