"""Forgetting a person: nothing of them is found any more, and everything still adds up."""

import asyncio
import hashlib
import re
from contextlib import closing, suppress
from dataclasses import replace
from typing import ClassVar

import pytest

from models.errors import Conflict, Invalid, NotFound, RateLimited
from models.paging import Window
from models.principal import Principal, Role
from models.store.erasures import Erasures
from models.store.personal import HOLDINGS, Fate
from models.user import Which
from services import chaining, dossiers, erasures, throttling
from services.passwords import Passwords
from services.verify import verify
from tests import known
from tests.staging import once

ADMIN = Principal("admin", frozenset({Role.ADMIN}), "s")
HERSELF = Principal(known.ID, frozenset({Role.CUSTOMER}), "s")
PERSONAL = [holding for holding in HOLDINGS if holding.is_personal]


@pytest.fixture
@once
async def erika(shop, web):
    """A shop in which Erika has left something everywhere."""
    await known.make(shop, web.url)
    return shop


@pytest.fixture(scope="module", autouse=True)
def passwords():
    with closing(Passwords()) as shared:
        Asking.passwords = shared
        yield


class Asking:
    """What hashes passwords, for all who ask."""

    passwords: ClassVar[Passwords]


async def ask(shop, caller=HERSELF, user_id=known.ID, password=known.PASSWORD, stores=None):
    return await erasures.ask(
        user_id,
        password=password,
        address="192.0.2.9",
        caller=caller,
        stores=stores or shop.stores,
        passwords=Asking.passwords,
        wall=shop.clock.wall(),
    )


async def work(shop):
    """Go on until nothing is due any more, as the scheduler does."""
    for _ in range(3):
        await erasures.look_after(stores=shop.stores, wall=shop.clock.wall())
        await known.sync(shop)
        await chaining.link(stores=shop.stores, wall=shop.clock.wall(), keys=known.SEAL_KEYS)


async def traces_in(shop):
    """Return what of her is found in anything that is kept, by collection."""
    hashed = hashlib.sha256(known.EMAIL.encode()).hexdigest()
    found = {}
    for name in await shop.stores.users.database.list_collection_names():
        async for document in shop.stores.users.database[name].find():
            text = repr(document).lower()
            left = [each for each in (*known.TRACES, hashed) if each in text]
            if left:
                found[name] = left
    return found


async def failing(shop):
    stores, clock = shop.stores, shop.clock
    return {
        finding.id: list(finding.problems)
        async for finding in verify(stores=stores, now=clock.now(), wall=clock.wall())
        if finding.problems
    }


def test_whatever_is_personal_has_a_fate_and_whatever_is_blanked_says_how():
    for holding in HOLDINGS:
        assert holding.is_personal == (holding.fate is not Fate.NOBODY), holding.collection
        assert bool(holding.change) == (holding.fate is Fate.BLANKED), holding.collection
        assert bool(holding.paths) == (holding.fate in (Fate.DELETED, Fate.BLANKED))


async def test_erika_is_known_everywhere(erika):
    missing = [
        holding.collection
        for holding in PERSONAL
        if holding.collection != "erasures"
        and not [each async for each in erika.stores.erasures.documents_of(holding, known.ID)]
    ]

    assert missing == ["redemptions"]  # nobody is in the middle of an order
    assert await failing(erika) == {}
    there = await traces_in(erika)
    assert {each.collection for each in PERSONAL if each.fate is Fate.BLANKED} <= there.keys()


async def test_nothing_of_an_erased_person_is_found_and_everything_adds_up(erika, web):
    before = await erika.stores.orders.get("o1")
    suppressed = await erika.stores.suppressions.documents.count_documents({})

    await ask(erika)
    await work(erika)

    assert await traces_in(erika) == {}
    assert await failing(erika) == {}
    erasure = await erasures.find(known.ID, stores=erika.stores)
    assert (erasure.done_at is not None, erasure.waits_for) == (True, ())
    assert await erika.stores.orders.get("o1") == before
    assert await erika.stores.suppressions.documents.count_documents({}) == suppressed == 1
    with pytest.raises(NotFound):
        await dossiers.check(
            known.ID,
            caller=ADMIN,
            stores=erika.stores,
            passwords=Asking.passwords,
            wall=erika.clock.wall(),
        )
    assert b'"remove":["' in web.received[-1].body


# What waits there does so for moments, and keys are few: there is little to look through.
FEW = {"outbox", "alarms", "audit_drafts", "redemptions", "api_keys"}


@pytest.mark.parametrize(
    "holding",
    [each for each in PERSONAL if each.collection not in FEW],
    ids=lambda holding: holding.collection,
)
async def test_a_person_is_found_by_an_index_and_not_by_looking_through_everything(shop, holding):
    database = shop.stores.users.database
    await database[holding.collection].insert_one({"_id": "someone"})
    finding = {"find": holding.collection, "filter": {**holding.query("ann"), **holding.ready}}

    plan = await database.command("explain", finding, verbosity="queryPlanner")

    stages = re.findall(r"'stage': '(\w+)'", str(plan["queryPlanner"]["winningPlan"]))
    assert {"IXSCAN", "IDHACK", "EXPRESS_IXSCAN"} & set(stages)
    assert "COLLSCAN" not in stages


async def test_what_is_kept_of_others_stays_as_it_is(erika):
    async def of_bob():
        return [each async for each in dossiers.everything("bob", stores=erika.stores)]

    before = await of_bob()

    await ask(erika)
    await erasures.look_after(stores=erika.stores, wall=erika.clock.wall())

    assert await of_bob() == before


class Mortal(Erasures):
    """Dies once in each collection: just after taking someone out of it, before that is noted."""

    died: ClassVar[set[str]] = set()

    async def erase(self, holding, user_id):
        await super().erase(holding, user_id)
        if holding.collection not in self.died:
            self.died.add(holding.collection)
            raise Killed


class Killed(Exception):
    pass


async def test_whoever_is_killed_anywhere_is_gone_on_from_there(erika):
    stores = replace(erika.stores, erasures=Mortal(erika.stores.users.database))
    wall, tries = erika.clock.wall(), 0
    Mortal.died.clear()
    while await stores.users.find(known.ID) or await stores.erasures.due(wall, limit=1):
        tries += 1
        with suppress(Killed):
            await ask(erika, stores=stores)
            await erasures.look_after(stores=stores, wall=wall)

    await work(erika)

    assert tries == len(Mortal.died) + 1 == len(erasures.STEPS) + 1
    assert await traces_in(erika) == {}
    assert (await erasures.find(known.ID, stores=erika.stores)).done_at is not None


async def test_what_someone_was_still_writing_goes_with_the_second_pass(erika):
    await ask(erika)
    await erasures.look_after(stores=erika.stores, wall=erika.clock.wall())
    late = {"_id": "r:s", "kind": "message", "user": known.ID, "state": "sent", "to": known.EMAIL}
    run = {"_id": "r", "user": known.ID, "state": "done", "version": 1, "unsettled": []}
    await erika.stores.effects.documents.insert_one(late | {"run": "r", "step": "s"})
    await erika.stores.runs.documents.insert_one(run)
    await work(erika)
    assert (await erasures.find(known.ID, stores=erika.stores)).done_at is None

    await erika.stores.runs.documents.update_one({"_id": "r"}, {"$unset": {"unsettled": ""}})
    await work(erika)

    assert (await erasures.find(known.ID, stores=erika.stores)).done_at is not None
    assert await traces_in(erika) == {}


async def test_a_platform_that_does_not_answer_is_waited_for(erika, web):
    web.status = 500
    await ask(erika)
    await work(erika)
    waiting = await erasures.find(known.ID, stores=erika.stores)

    web.status = 200
    await work(erika)

    assert (waiting.done_at, waiting.waits_for) == (None, ("quiet",))
    assert (await erasures.find(known.ID, stores=erika.stores)).done_at is not None


async def test_events_of_an_erased_person_are_duplicates_or_nobodys(erika):
    await ask(erika)
    await work(erika)

    again, other = await erika.tell(
        known.event("wrote", "e2", "bob", note="hello"),
        known.event("wrote", "e9", known.ID, note="forget me not"),
    )

    assert (again.outcome.value, other.outcome.value) == ("duplicate", "rejected")
    assert await erika.stores.events.documents.count_documents({"user": known.ID}) >= 2


async def test_asking_twice_answers_alike(erika):
    assert await ask(erika) == await ask(erika, ADMIN)


async def test_a_token_alone_erases_nobody(erika):
    for password in (None, "", "wrong horse battery"):
        with pytest.raises(Invalid) as refused:
            await ask(erika, password=password)
        assert refused.value.code == "WRONG_PASSWORD"

    assert await erika.stores.erasures.find(known.ID) is None
    assert await erika.stores.sessions.documents.count_documents({"user_id": known.ID}) == 1


async def test_guessing_at_the_password_ends_as_it_does_when_signing_in(erika):
    for guess in range(throttling.PER_ACCOUNT):
        with pytest.raises(Invalid, match="not your password"):
            await ask(erika, password=f"guess {guess}")

    with pytest.raises(RateLimited):
        await ask(erika)


async def test_who_has_no_password_is_told_how_to_get_one(shop):
    await shop.person("ann")

    with pytest.raises(Conflict, match="requestPasswordReset") as refused:
        await ask(shop, Principal("ann", frozenset({Role.CUSTOMER}), "s"), "ann", "anything")

    assert refused.value.code == "NO_PASSWORD"


async def test_only_administrators_erase_others_and_the_last_of_them_stays(shop):
    await shop.person("ann")
    await shop.person("root", roles=frozenset({Role.ADMIN}))
    for role in set(Role) - {Role.ADMIN}:
        with pytest.raises(NotFound):
            await ask(shop, Principal("bob", frozenset({role}), "s"), "ann")

    with pytest.raises(Conflict, match="last administrator"):
        await ask(shop, ADMIN, "root")

    assert (await ask(shop, ADMIN, "ann")).user_id == "ann"
    assert await shop.stores.users.find("root") is not None


async def test_administrators_who_erase_each_other_leave_one(shop):
    users = shop.stores.users
    for turn in range(10):
        names = [f"{turn}-{place}" for place in range(3)]
        for name in names:
            await shop.person(name, roles=frozenset({Role.ADMIN}))

        outcomes = await asyncio.gather(
            *(ask(shop, ADMIN, other) for other in names), return_exceptions=True
        )

        assert {type(each).__name__ for each in outcomes} <= {"Erasure", "Conflict"}
        left = (await users.page(Window(limit=9), Which(role=Role.ADMIN))).items
        assert len(left) >= 1
        for one in left[1:]:
            await ask(shop, ADMIN, one.id)
        with pytest.raises(Conflict, match="last administrator"):
            await ask(shop, ADMIN, left[0].id)
        await users.documents.delete_one({"_id": left[0].id})
