"""Measures as segments and verify use them: they agree with the events themselves."""

from datetime import timedelta

import pytest

import dsl
from services.verify import verify
from tests.services.test_measures import (
    RULES,
    SEGMENTS,
    all_events,
    look_after,
    order,
    some_events,
    stored,
)
from tests.shop import NOW
from tests.staging import once


@pytest.fixture
@once
async def counting(shop):
    await shop.publish(RULES)
    for name in ("ann", "bob", "cy"):
        await shop.person(name)
    return shop


async def test_verify_makes_measures_anew_and_tells_of_days_that_are_not_so(counting):
    await counting.tell(*some_events(19))
    await counting.work()
    await look_after(counting)
    assert await recounted(counting) == []

    kept = (await stored(counting))["ann"]
    measure, days = next((key, days) for key, days in kept.items() if days)
    field = f"facts.measures.{measure}.{min(days)}"
    await counting.stores.users.documents.update_one({"_id": "ann"}, {"$unset": {field: ""}})

    (problem,) = await recounted(counting)
    assert problem.startswith("ann: ")
    assert min(days) in problem


async def recounted(shop):
    findings = verify(stores=shop.stores, now=shop.clock.now(), wall=shop.clock.wall())
    (found,) = [finding async for finding in findings if finding.id == "I13"]
    assert found.looked_at == "7 measures of 3 people"
    return list(found.problems)


async def test_members_of_segments_come_and_go_by_what_is_kept(counting):
    await counting.tell(*some_events(20))
    await counting.work()
    await look_after(counting)

    await counting.fill()
    await assert_members(counting)
    for days in (1, 8, 11, 20, 60, 300):
        counting.clock.turn(days=days)
        await counting.work()
        await assert_members(counting)
    counting.clock.business = NOW + timedelta(days=401)
    await counting.tell(*(order(f"n{n}", "bob", counting.clock.now()) for n in range(3)))
    await counting.work()

    await assert_members(counting)
    assert "bob" in await counting.members("regulars")


async def assert_members(shop):
    await shop.work()
    people = ["ann", "bob", "cy"]
    program = (await shop.rulebook.current()).program
    moment = dsl.Moment(shop.clock.now(), program.zone, program)
    raw = await all_events(shop, people)
    for name in SEGMENTS:
        condition = program.segments[name].condition
        wanted = {who for who in people if dsl.holds(condition, raw[who], moment)}
        assert (await shop.members(name)).keys() == wanted, (name, moment.now)
