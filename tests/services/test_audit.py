"""The audit log: an entry for each change, chained so that nothing in it can be altered unseen."""

import asyncio

import pytest

from models.audit import Actor, AuditEntry, Credential, Result, SealKeys
from models.errors import Conflict, Unavailable
from models.paging import Window
from services import chaining
from services.audit import Recorder
from tests.waiting import until

SECRET = "a secret for tests, long enough to sign"
KEYS = SealKeys.of(SECRET)
ANN = Actor(Credential.SESSION, "ann")


@pytest.fixture
def recorder(shop):
    return Recorder(shop.stores, shop.clock.wall)


async def change(recorder, operation="updateProfile", by=ANN, about=("User:ann",)):
    async with recorder.record(operation, by, about):
        pass


async def linked(shop):
    while await chaining.link(stores=shop.stores, wall=shop.clock.wall(), keys=KEYS):
        pass
    page = await shop.stores.audit.page(Window(limit=100))
    return [link.entry for link in page.items][::-1]


async def problems(shop):
    return (await chaining.check(stores=shop.stores, keys=KEYS))[1]


async def test_a_change_is_noted_with_who_made_it_and_what_it_was_about(shop, recorder):
    async with recorder.record("approveCampaign", ANN, ["Campaign:spring"]) as note:
        note.concerns(["Campaign:spring", "Publication:3"])

    (entry,) = await linked(shop)

    assert (entry.operation, entry.by, entry.result) == ("approveCampaign", ANN, Result.DONE)
    assert entry.about == ("Campaign:spring", "Publication:3")


async def test_a_refusal_is_noted_with_its_code_but_not_that_of_a_stranger(shop, recorder):
    for by in (ANN, Actor(Credential.NONE)):
        with pytest.raises(Conflict):
            async with recorder.record("approveCampaign", by):
                raise Conflict("You cannot approve what you have written.", code="OWN_WORK")

    (entry,) = await linked(shop)

    assert (entry.by, entry.result, entry.code) == (ANN, Result.REFUSED, "OWN_WORK")
    assert await shop.stores.audit_drafts.documents.count_documents({}) == 0


@pytest.mark.parametrize("operation", ["approveCampaign", "joinGroup"])
async def test_whoever_is_cut_off_has_an_entry_that_does_not_know_how_it_went(
    shop, recorder, operation
):
    async def cut_off():
        async with recorder.record(operation, ANN):
            raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        await cut_off()
    assert await linked(shop) == []

    shop.clock.turn(minutes=1)

    (entry,) = await linked(shop)
    assert entry.result is Result.UNKNOWN


async def test_what_is_asked_for_very_often_at_one_moment_is_one_draft(shop, recorder):
    drafts = shop.stores.audit_drafts.documents
    everybody, seen = asyncio.Barrier(40), []

    async def claim(number):
        async with recorder.record("joinGroup", ANN, [f"Claim:{number}"]):
            await everybody.wait()
            seen.append([each async for each in drafts.find()])
            await everybody.wait()
            if number % 2:
                raise Conflict("It is sold out.")

    outcomes = await asyncio.gather(*map(claim, range(40)), return_exceptions=True)

    assert {len(each) for each in seen} == {1}
    assert len(seen[0][0]["entries"]) == 40
    assert [type(each) for each in outcomes].count(Conflict) == 20
    await until(lambda: none(drafts, {"entries": {"$exists": True}}))
    entries = await linked(shop)
    assert [entry.result for entry in entries] == [Result.DONE] * 20
    assert {entry.about for entry in entries} == {(f"Claim:{n}",) for n in range(0, 40, 2)}


async def test_one_who_leaves_takes_nobody_elses_draft_along(shop, recorder):
    drafts = shop.stores.audit_drafts.documents
    inside = asyncio.Event()

    async def claim(number):
        async with recorder.record("joinGroup", ANN, [f"Claim:{number}"]):
            if number == 2:
                inside.set()
                await asyncio.Event().wait()

    tasks = [asyncio.create_task(claim(number)) for number in range(3)]
    await asyncio.sleep(0)
    tasks[0].cancel()  # before its change
    await inside.wait()
    tasks[2].cancel()  # in the middle of it
    await asyncio.gather(*tasks, return_exceptions=True)

    await until(lambda: none(drafts, {"entries": {"$exists": True}}))
    shop.clock.turn(minutes=1)
    assert {entry.about: entry.result for entry in await linked(shop)} == {
        ("Claim:1",): Result.DONE,
        ("Claim:2",): Result.UNKNOWN,
    }


async def test_those_who_were_killed_together_have_one_entry_each(shop, recorder):
    entries = [
        AuditEntry(id=f"e{n}", at=shop.clock.wall(), by=ANN, operation="joinGroup", result=result)
        for n, result in enumerate([Result.UNKNOWN] * 3 + [Result.DONE])
    ]
    await shop.stores.audit_drafts.begin("b", entries)
    await shop.stores.audit_drafts.add(entries[3:])
    assert [entry.id for entry in await linked(shop)] == ["e3"]

    shop.clock.turn(minutes=1)

    assert [(each.id, each.result) for each in await linked(shop)] == [
        ("e3", Result.DONE),
        *((f"e{n}", Result.UNKNOWN) for n in range(3)),
    ]
    assert await shop.stores.audit_drafts.documents.count_documents({}) == 0


async def none(documents, query):
    return await documents.count_documents(query) == 0


async def test_two_who_continue_the_chain_at_once_leave_no_gap_and_place_nothing_twice(
    shop, recorder
):
    other = Recorder(shop.stores, shop.clock.wall)
    changing = [change(who, f"change{n}") for n in range(60) for who in (recorder, other)]
    linking = [
        chaining.link(stores=shop.stores, wall=shop.clock.wall(), keys=KEYS) for _ in range(20)
    ]

    await asyncio.gather(*changing, *linking)

    entries = await linked(shop)
    assert len(entries) == len({entry.id for entry in entries}) == 100
    assert await shop.stores.audit.count() == 120
    assert await problems(shop) == []


async def test_who_was_killed_between_placing_and_forgetting_places_nothing_twice(shop, recorder):
    await change(recorder)
    (draft,) = await shop.stores.audit_drafts.documents.find().to_list(None)
    await linked(shop)
    await shop.stores.audit_drafts.documents.insert_one(draft)

    assert len(await linked(shop)) == 1
    assert await shop.stores.audit_drafts.documents.count_documents({}) == 0


async def test_what_is_noted_by_its_document_writes_nothing_beside_it_but_that_it_failed(
    shop, recorder
):
    async with recorder.record("claimStock", ANN, ["Claim:1"]):
        assert await shop.stores.audit_drafts.documents.count_documents({}) == 0
    with pytest.raises(Conflict):
        async with recorder.record("claimStock", ANN, ["Claim:2"]):
            raise Conflict("all gone", code="SOLD_OUT")
    assert await shop.stores.audit_drafts.documents.count_documents({}) == 0
    with pytest.raises(Unavailable):
        async with recorder.record("claimStock", ANN, ["Claim:3"]):
            raise Unavailable("away")

    (entry,) = await linked(shop)
    assert (entry.about, entry.result) == (("Claim:3",), Result.FAILED)
