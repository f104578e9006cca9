"""Audiences follow their segments: of those who agreed, as hashes, and a repeat changes nothing."""

import asyncio
import hashlib
import json
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from channels.social import Social
from devserver.web import Manner
from models.errors import Conflict, Invalid, NotFound, Unavailable
from models.event import lane_of
from models.user import Consent
from services import audiences, lanes
from services.audiences import Platforms
from tests.staging import once
from tests.waiting import until

RULES = """
attributes user { household_size: number }
segment families { user.household_size >= 3 }
"""


class Platform:
    """What the endpoint's requests come to: the hashes in the audience over there."""

    def __init__(self, web) -> None:
        self._web = web

    @property
    def told(self) -> list[dict]:
        return [json.loads(received.body) for received in self._web.received]

    @property
    def members(self) -> set[str]:
        there: set[str] = set()
        for delta in self.told:
            there = (there | set(delta["add"])) - set(delta["remove"])
        return there


def hashes(*names: str) -> set[str]:
    return {hashlib.sha256(f"{name}@example.test".encode()).hexdigest() for name in names}


@pytest.fixture
def platform(web) -> Platform:
    return Platform(web)


@pytest.fixture
@once
async def club(shop, web):
    """Ann and Bob are in the segment and agreed, Cy did not agree, Di is not in it."""
    agreed = Consent(social=True)
    for name, size, consent in (
        ("ann", 3, agreed),
        ("bob", 4, agreed),
        ("cy", 5, Consent()),
        ("di", 1, agreed),
    ):
        attributes = {"household_size": size}
        await shop.person(name, consent=consent, attributes=attributes)
    await shop.publish(RULES)
    await shop.fill()
    await create(shop, web)
    return shop


async def create(shop, web, name: str = "fam", segment: str = "families", private: bool = True):
    return await audiences.create(
        name, segment, web.url, "t", stores=shop.stores, clock=shop.clock, private=private
    )


async def sync(shop, seconds: int = 61, social: Social | None = None) -> None:
    """Bring the audience up to date after a while."""
    shop.clock.real += timedelta(seconds=seconds)
    social = social or Social(shop.client)
    await audiences.sync("fam", Platforms(stores=shop.stores, clock=shop.clock, social=social))


async def change(shop, user: str, **fields) -> None:
    """Edit a person, as the API does, and have what follows done."""
    version = (await shop.stores.users.get(user)).version
    await shop.stores.users.edit(user, fields, version=version)
    await lanes.work([lane_of(user)], shop.lanes)


async def test_those_who_agreed_are_told_as_hashes(club, web, platform):
    await sync(club)

    (delta,) = platform.told
    assert platform.members == hashes("ann", "bob")
    assert (delta["audience"], delta["hash"], delta["remove"]) == ("fam", "sha256", [])
    assert web.received[0].headers["authorization"] == "Bearer t"
    assert web.received[0].headers["idempotency-key"] == delta["id"]
    audience = await club.stores.audiences.get("fam")
    assert (audience.members, audience.reason) == (2, "")


async def test_only_differences_are_told(club, web, platform):
    await sync(club)
    await sync(club)
    assert len(web.received) == 1

    await change(club, "cy", **{"consent.social": True})
    await change(club, "ann", **{"consent.social": False})
    await change(club, "bob", email="robert@example.test")
    await sync(club)
    await sync(club)

    assert platform.members == hashes("cy", "robert")
    assert len(platform.told[-1]["add"]) == len(platform.told[-1]["remove"]) == 2


async def test_who_leaves_the_segment_leaves_the_audience(club, platform):
    await sync(club)
    await change(club, "ann", **{"attributes.household_size": 2})
    await change(club, "di", **{"attributes.household_size": 3})

    await sync(club)

    assert platform.members == hashes("bob", "di")
    assert (await club.stores.audiences.get("fam")).members == 2


async def test_between_walks_only_those_who_moved_are_looked_at(club, web, platform):
    await sync(club)
    # Behind everybody's back: nothing notes that they have gone.
    await club.stores.memberships.documents.delete_one({"user": "ann"})
    await change(club, "cy", **{"consent.social": True})

    await sync(club)
    assert platform.members == hashes("ann", "bob", "cy")

    await sync(club, seconds=24 * 3_600)
    assert platform.members == hashes("bob", "cy")


async def test_a_segment_that_is_filled_anew_is_walked_anew(club, platform):
    await sync(club)
    await club.publish(RULES.replace(">= 3", ">= 4"))
    await club.fill()

    await sync(club)

    assert platform.members == hashes("bob")


async def test_who_is_replaced_by_an_import_is_told_by_their_new_address(club, platform):
    await sync(club)
    ann = await club.stores.users.get("ann")
    await club.stores.users.save_many([replace(ann, email="anna@example.test")])

    await sync(club)

    assert platform.members == hashes("anna", "bob")


async def test_what_moved_while_the_platform_was_away_is_told_when_it_is_back(club, web, platform):
    await sync(club)
    web.status = 500
    await change(club, "ann", **{"consent.social": False})
    await sync(club)
    await change(club, "cy", **{"consent.social": True})
    await sync(club)
    web.status = 200
    there = hashes("ann", "bob")

    await sync(club, seconds=60)

    last = platform.told[-1]
    assert (there | set(last["add"])) - set(last["remove"]) == hashes("bob", "cy")


async def test_a_change_that_was_told_and_not_noted_is_told_again_alike(club, web, platform):
    await sync(club)
    await club.stores.audience_members.documents.delete_many({})
    await club.stores.audiences.change("fam", seen_at=None)

    await sync(club)

    assert platform.told[0] == platform.told[1]
    assert platform.members == hashes("ann", "bob")


async def test_an_endpoint_that_fails_is_tried_again_later(club, web, platform):
    web.status = 500
    await sync(club)
    audience = await club.stores.audiences.get("fam")
    assert (audience.reason, audience.failures, audience.members) == ("it answered 500", 1, 0)
    await sync(club, seconds=1)
    assert len(web.received) == 1

    web.reset()
    web.manner = Manner.HANGS_UP
    await sync(club, seconds=2)
    web.reset()
    await sync(club, seconds=10)

    assert platform.members == hashes("ann", "bob")
    assert (await club.stores.audiences.get("fam")).failures == 0


async def test_many_people_are_told_in_batches(shop, web, platform, monkeypatch):
    monkeypatch.setattr(audiences, "BATCH", 3)
    monkeypatch.setattr(audiences, "PAGE", 2)
    names = [f"p{number:02}" for number in range(10)]
    for name in names:
        await shop.person(name, consent=Consent(social=True), attributes={"household_size": 3})
    await shop.publish(RULES)
    await shop.fill()
    await create(shop, web)

    await sync(shop)

    assert platform.members == hashes(*names)
    assert [len(delta["add"]) for delta in platform.told] == [3, 3, 3, 1]


async def test_an_audience_that_is_removed_is_emptied_first(club, platform):
    await sync(club)
    await audiences.remove("fam", stores=club.stores, clock=club.clock)

    await sync(club, seconds=0)

    assert platform.members == set()
    with pytest.raises(NotFound):
        await club.stores.audiences.get("fam")


async def test_a_segment_that_is_gone_takes_nobody_out(club, platform):
    await sync(club)
    await club.stores.audiences.change("fam", segment="gone")

    await sync(club)

    assert platform.members == hashes("ann", "bob")
    assert "no segment 'gone'" in (await club.stores.audiences.get("fam")).reason


async def die(shop) -> None:
    """Leave the audience as a killed worker does."""
    assert await shop.stores.leases.acquire("audience:fam", seconds=0)


async def test_what_five_workers_died_with_is_set_aside_until_it_is_enabled(club, web, platform):
    for _ in range(5):
        await die(club)
        await sync(club)
    await sync(club)

    audience = await club.stores.audiences.get("fam")
    assert (audience.enabled, audience.deaths, platform.told) == (False, 5, [])
    assert audience.reason == "its worker was killed again and again"
    told = [each for each in await club.stores.outbox.waiting(99) if each.type.startswith("alert")]
    assert [(each.type, each.data["audience"]) for each in told] == [
        ("alert.audience_set_aside", "fam")
    ]

    await audiences.enable("fam", stores=club.stores, clock=club.clock)
    await sync(club)

    assert platform.members == hashes("ann", "bob")
    assert (await club.stores.audiences.get("fam")).deaths == 0


async def test_who_waited_while_it_was_set_aside_leaves_it_alone(club, platform):
    for _ in range(4):
        await die(club)
        await sync(club)
    await die(club)
    club.clock.real += timedelta(seconds=61)
    platforms = Platforms(stores=club.stores, clock=club.clock, social=Social(club.client))

    await asyncio.gather(*(audiences.sync("fam", platforms) for _ in range(4)))

    assert not (await club.stores.audiences.get("fam")).enabled
    assert platform.told == []


async def test_deaths_are_forgotten_once_it_comes_to_an_end(club, web, platform):
    for _ in range(4):
        await die(club)
        await sync(club)
    web.status = 500
    await sync(club)

    audience = await club.stores.audiences.get("fam")
    assert (audience.enabled, audience.deaths, audience.failures) == (True, 0, 1)


async def test_what_a_worker_died_with_waits_for_what_is_taken_alone(club, platform):
    await die(club)
    await sync(club)
    platforms = Platforms(stores=club.stores, clock=club.clock, social=Social(club.client))

    async with platforms.custody.alone:
        waiting = asyncio.create_task(audiences.sync("fam", platforms))
        await asyncio.wait([waiting], timeout=0.2)
        told = list(platform.told)
    await waiting

    assert (told, platform.members) == ([], hashes("ann", "bob"))


async def test_whoever_cannot_reach_the_database_lets_go_later(club, monkeypatch):
    async def away(self, lease):
        raise Unavailable("away")

    platforms = Platforms(stores=club.stores, clock=club.clock, social=Social(club.client))
    with monkeypatch.context() as patch:
        patch.setattr(type(club.stores.leases), "release", away)
        patch.setattr(type(club.stores.leases), "release_all", away)
        with pytest.raises(Unavailable):
            await audiences.sync("fam", platforms)
    club.clock.real += timedelta(seconds=61)

    await audiences.sync("fam", platforms)

    assert not (await club.stores.leases.acquire("audience:fam", seconds=1)).abandoned
    assert (await club.stores.audiences.get("fam")).deaths == 0


class Slow(Social):
    """Tells a platform only after something has come true."""

    def __init__(self, client, ready: Callable[[], Awaitable[bool]]) -> None:
        super().__init__(client)
        self._ready = ready

    async def tell(self, *about) -> None:
        await until(self._ready)
        await super().tell(*about)


async def test_a_lease_is_kept_however_long_the_platform_takes(club, platform, monkeypatch):
    monkeypatch.setattr(audiences, "LEASE", 0.5)
    seen = set()

    async def renewed() -> bool:
        lease = await club.stores.leases.documents.find_one({"_id": "audience:fam"})
        seen.add(lease["until"])
        return len(seen) > 4

    await sync(club, social=Slow(club.client, renewed))

    assert len(platform.told) == 1
    assert (await club.stores.audiences.get("fam")).members == 2


async def test_who_has_lost_a_lease_tells_nothing_more(club, platform, monkeypatch, caplog):
    monkeypatch.setattr(audiences, "LEASE", 0.5)
    monkeypatch.setattr(audiences, "BATCH", 1)
    before = await club.stores.audiences.get("fam")

    async def lost() -> bool:
        await club.stores.leases.documents.update_one(
            {"_id": "audience:fam"}, {"$set": {"claim": "another's"}}
        )
        return "lost to another" in caplog.text

    await sync(club, social=Slow(club.client, lost))

    assert len(platform.told) == 1
    assert await club.stores.audiences.get("fam") == before


async def test_what_cannot_be_is_refused(club, web):
    with pytest.raises(Conflict):
        await create(club, web)
    with pytest.raises(Invalid, match="segment"):
        await create(club, web, "x", "gone")
    with pytest.raises(Invalid) as refused:
        await create(club, web, "x", private=False)
    assert refused.value.field == ("url",)
