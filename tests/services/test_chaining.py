"""The audit log's chain: whatever is altered, added or taken away without the key is found."""

from dataclasses import replace
from datetime import timedelta

import pytest

from models.audit import BEFORE_THE_FIRST, SealKeys, digest
from models.store.audit import Audit
from services import chaining
from services.audit import Recorder
from tests.services.test_audit import KEYS, SECRET, change, linked, problems

STRANGERS = SealKeys.of("what someone else has thought up, long enough")


@pytest.fixture
def recorder(shop):
    return Recorder(shop.stores, shop.clock.wall)


@pytest.fixture
async def ten(shop, recorder):
    for number in range(10):
        await change(recorder, f"change{number}")
    await linked(shop)
    assert await problems(shop) == []
    return shop.stores.audit.documents


@pytest.mark.parametrize(
    "field", ["operation", "by.id", "result", "about", "at", "entry", "unheard_of"]
)
async def test_an_entry_that_was_altered_is_found(shop, ten, field):
    was = await ten.find_one({"_id": 5})
    other = was["at"] + timedelta(seconds=1) if field == "at" else "another"
    await ten.update_one({"_id": 5}, {"$set": {field: other}})

    (problem,) = await problems(shop)

    assert problem.startswith("entry 5 is not what was written")


async def test_an_entry_that_was_altered_and_sealed_anew_is_found_by_the_next(shop, ten):
    entry = await ten.find_one({"_id": 5})
    entry["operation"] = "another"
    await ten.replace_one({"_id": 5}, entry | {"hash": digest(entry, KEYS.key)})

    assert await problems(shop) == ["entry 6 was not written after entry 5"]


@pytest.mark.parametrize(
    ("gone", "found"),
    [
        ([1], "entry 1 is missing: 2 follows 0"),
        ([4, 5], "entry 4 is missing: 6 follows 3"),
        ([9, 10], "entry 9 is missing: there were 10"),
    ],
)
async def test_entries_that_were_removed_are_missed(shop, ten, gone, found):
    await ten.delete_many({"_id": {"$in": gone}})

    assert await problems(shop) == [found]


async def test_entries_that_were_swapped_are_found(shop, ten):
    fourth, fifth = await ten.find({"_id": {"$in": [4, 5]}}).sort("_id").to_list(None)
    await ten.delete_many({"_id": {"$in": [4, 5]}})
    await ten.insert_many([fourth | {"_id": 5}, fifth | {"_id": 4}])

    (problem,) = await problems(shop)

    assert problem.startswith("entry 4 is not what was written")


async def sealed_anew(ten, key, **changes):
    """Write the chain anew from its fifth entry on, as one would who can write to the database."""
    previous = None
    async for entry in ten.find({"_id": {"$gte": 5}}).sort("_id"):
        entry.update({"previous": previous or entry["previous"]} | changes)
        if key is None:
            entry.pop("key", None)
        else:
            entry["key"] = key.name
        previous = entry["hash"] = digest(entry, None if key is None else key.key)
        await ten.replace_one({"_id": entry["_id"]}, entry)


async def test_whoever_writes_the_chain_anew_has_no_key_to_seal_it(shop, ten):
    await sealed_anew(ten, STRANGERS, operation="another")
    (with_another,) = await problems(shop)
    await sealed_anew(ten, None, operation="another")
    (without,) = await problems(shop)

    assert with_another.startswith("entry 5 is sealed with a key that is none of those given")
    assert without == "entry 5 has no seal, and those before it have"


async def test_a_chain_without_any_seal_is_believed_once_there_is_one_after_it(shop, ten, recorder):
    previous = BEFORE_THE_FIRST
    async for entry in ten.find().sort("_id"):  # as versions wrote it that knew no keys
        del entry["key"]
        entry["previous"] = previous
        previous = entry["hash"] = digest(entry, None)
        await ten.replace_one({"_id": entry["_id"]}, entry)
    await shop.stores.audit_marks.documents.delete_many({})
    (bare,) = await problems(shop)

    await change(recorder)
    await linked(shop)

    assert bare == "nothing up to entry 10 is under a seal; the next change seals it"
    assert await problems(shop) == []
    await ten.update_one({"_id": 3}, {"$set": {"operation": "another"}})
    assert len(await problems(shop)) == 1


async def test_a_mark_that_was_moved_is_found(shop, ten):
    await ten.delete_many({"_id": {"$gt": 8}})
    await shop.stores.audit_marks.documents.update_one({"_id": "end"}, {"$set": {"number": 8}})

    (problem,) = await problems(shop)

    assert problem.startswith("the mark of its end is not what was written")


async def test_keys_of_before_are_good_for_what_they_sealed(shop, ten, recorder):
    fresh = SealKeys.of("another secret for tests, long enough")
    both = SealKeys.of("another secret for tests, long enough", [SECRET])
    await change(recorder)
    await chaining.link(stores=shop.stores, wall=shop.clock.wall(), keys=fresh)

    _, with_both = await chaining.check(stores=shop.stores, keys=both)
    _, with_one = await chaining.check(stores=shop.stores, keys=fresh)

    assert with_both == []
    assert "FANFARE_OLD_DATA_KEYS" in with_one[0]


async def test_without_keys_what_anyone_can_see_is_checked_and_it_says_so(shop, ten):
    whole = await chaining.check(stores=shop.stores)
    await ten.delete_one({"_id": 4})
    short = await chaining.check(stores=shop.stores)

    assert whole[0].endswith("seals not looked at without FANFARE_SECRET")
    assert (whole[1], short[1]) == ([], ["entry 4 is missing: 5 follows 3"])


@pytest.fixture
async def aged(shop, ten, recorder):
    """Ten entries of today, after ten of forty days ago."""
    shop.clock.turn(days=40)
    for number in range(10):
        await change(recorder, f"later{number}")
    await linked(shop)
    return ten


async def prune(shop, days=30, stores=None):
    before = shop.clock.wall() - timedelta(days=days)
    return await chaining.prune(stores=stores or shop.stores, before=before, keys=KEYS)


async def test_what_is_too_old_goes_and_the_rest_is_still_believed(shop, aged, recorder):
    assert await prune(shop) == 10

    looked_at, found = await chaining.check(stores=shop.stores, keys=KEYS)
    assert looked_at.startswith("entries 11 to 20, the last ")
    assert found == []
    await change(recorder)
    await linked(shop)
    assert await problems(shop) == []
    assert await prune(shop) == 0


async def test_the_last_entry_stays_however_old_it_is(shop, aged):
    assert await prune(shop, days=-1) == 19

    assert await aged.distinct("_id") == [20]
    assert await problems(shop) == []


async def test_what_is_taken_from_the_beginning_without_the_key_is_missed(shop, aged):
    await prune(shop)
    await aged.delete_many({"_id": {"$lte": 12}})
    assert await problems(shop) == ["entry 11 is missing: 13 follows 10"]

    await shop.stores.audit_marks.documents.update_one({"_id": "begin"}, {"$set": {"number": 12}})

    (problem,) = await problems(shop)
    assert problem.startswith("the mark of its begin is not what was written")


class Killed(Exception):
    pass


class Mortal(Audit):
    """Dies before it deletes anything."""

    async def prune(self, number):
        raise Killed


async def test_who_was_killed_while_pruning_is_gone_on_from_there(shop, aged):
    with pytest.raises(Killed):
        await prune(shop, stores=replace(shop.stores, audit=Mortal(aged.database)))
    assert await problems(shop) == []

    assert await prune(shop) == 10
    assert await problems(shop) == []
