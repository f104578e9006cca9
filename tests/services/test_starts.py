"""`pace`: every start gets a turn, over all zones and after a pause, too."""

from datetime import UTC, datetime, timedelta

import pytest

import dsl
from engine.starting import planned
from models.campaign import Act
from services import campaigns, occurrences, starts
from services.simulation import simulate
from services.verify import verify
from tests.services.passing import pass_time, started
from tests.shop import NOW, event


async def test_a_pace_spreads_a_broadcast(shop, monkeypatch):
    monkeypatch.setattr(occurrences, "PAGE", 3)
    await shop.publish('trigger news { at 2026-03-02T18:00  pace 4 per hour  then { tag "told" } }')
    for number in range(8):
        await shop.person(f"p{number}")

    await pass_time(shop, hours=9, step=0.25)

    times = sorted(time for times in (await started(shop)).values() for time in times)
    assert times == [
        "02 18:00",
        "02 18:15",
        "02 18:30",
        "02 18:45",
        "02 19:00",
        "02 19:15",
        "02 19:30",
        "02 19:45",
    ]


async def test_a_pace_holds_for_all_zones_together_and_after_a_delay(shop):
    await shop.publish(
        'trigger news { at 2026-03-02T18:00 in user timezone pace 1 per hour then { tag "told" } }'
    )
    await shop.person("ann", timezone="Europe/Berlin")
    await shop.person("bob", timezone="Europe/Vienna")
    await shop.occur()
    shop.clock.turn(hours=7)  # both are two hours late

    await pass_time(shop, hours=3)

    times = sorted(time for times in (await started(shop)).values() for time in times)
    assert times == ["02 19:00", "02 20:00"]


async def test_a_page_that_is_repeated_takes_no_second_turn(shop):
    await shop.publish('trigger news { at 2026-03-02T18:00  pace 1 per hour  then { tag "x" } }')
    await shop.person()
    await shop.occur()
    shop.clock.turn(hours=6)
    published = await shop.rulebook.current()
    trigger = published.program.triggers["news"]
    (run,) = [
        planned(trigger, "ann", "2026-03-02", NOW, campaign_id=None, publication=published.number)
    ]

    for _ in range(3):
        await starts.plan(
            [run],
            trigger,
            published.program,
            stores=shop.stores,
            jobs=shop.bells,
            now=shop.clock.now(),
        )

    turn = await shop.stores.paces.take("news", timedelta(hours=1), after=NOW)
    assert turn == NOW + timedelta(hours=7)


async def test_events_start_at_a_pace_too(shop):
    await shop.publish(
        "event cart_updated { total: money USD }"
        " trigger t { on cart_updated where total > 1 USD  for event.total > 1 USD"
        '  pace 2 per hour  then { tag "x" } }'
    )
    for number in range(4):
        await shop.person(f"p{number}")
    await shop.tell(
        *(event("cart_updated", f"c{n}", user=f"p{n}", total="5") for n in range(4)),
    )

    await pass_time(shop, hours=2)

    times = sorted(time for times in (await started(shop)).values() for time in times)
    assert times == ["02 12:00", "02 12:30", "02 13:00", "02 13:30"]


async def test_after_a_pause_what_waited_goes_on_at_its_pace(shop):
    await shop.publish('trigger news { at 2026-03-02T18:00 pace 2 per hour then { tag "told" } }')
    for number in range(4):
        await shop.person(f"p{number}")
    await pass_time(shop, hours=6, step=0.5)
    (campaign,) = await shop.stores.campaigns.documents.find().to_list()
    await campaigns.pause(campaign["_id"], Act("marketer", NOW), stores=shop.stores)
    await shop.rulebook.refresh()
    await pass_time(shop, hours=10, step=1)
    await campaigns.resume(campaign["_id"], Act("marketer", NOW), stores=shop.stores)
    await shop.rulebook.refresh()
    await pass_time(shop, hours=2, step=0.5)

    times = sorted(time for times in (await started(shop)).values() for time in times)
    assert times == ["02 18:00", "03 04:00", "03 04:30", "03 05:00"]


@pytest.mark.parametrize(
    ("start", "begin"), [("at 2026-03-02T18:00", "02 18:00"), ("on asked", "02 12:00")]
)
async def test_whom_a_holdout_keeps_out_takes_no_turn(shop, start, begin):
    await shop.publish(
        "event asked { }"
        f' trigger news {{ {start}  holdout 50%  pace 4 per hour  then {{ tag "told" }} }}'
    )
    people = [f"p{number}" for number in range(12)]
    for person in people:
        await shop.person(person)
    await shop.tell(*(event("asked", f"a{person}", user=person) for person in people))

    await pass_time(shop, hours=9, step=0.25)

    told = [effect["at"] for effect in await shop.effects_of("tag")]
    assert 2 < len(told) < 10  # by the hashes of their names
    first = datetime.strptime(f"2026-03-{begin}", "%Y-%m-%d %H:%M").replace(tzinfo=UTC)
    assert sorted(told) == [first + timedelta(minutes=15 * place) for place in range(len(told))]


async def test_whom_a_holdout_keeps_out_takes_no_turn_after_an_outage_of_workers(shop):
    await shop.publish(
        'trigger news { at 2026-03-02T18:00  holdout 50%  pace 4 per hour  then { tag "told" } }'
    )
    people = [f"p{number}" for number in range(12)]
    for person in people:
        await shop.person(person)
    published = await shop.rulebook.current()
    trigger, number = published.program.triggers["news"], published.number
    runs = [
        planned(trigger, person, "2026-03-02", NOW, campaign_id=None, publication=number)
        for person in people
    ]
    await starts.plan(
        runs, trigger, published.program, stores=shop.stores, jobs=shop.bells, now=NOW
    )
    shop.clock.turn(hours=3)

    for _ in range(16):
        await shop.work()
        shop.clock.turn(minutes=15)

    first, *others = sorted(effect["at"] for effect in await shop.effects_of("tag"))
    assert 2 < len(others) < 10
    again = NOW + timedelta(hours=3)  # at which the first starts, as of its own time
    assert first == NOW
    assert others == [again + timedelta(minutes=15 * (place + 1)) for place in range(len(others))]


async def test_whom_a_holdout_keeps_out_takes_no_turn_in_a_simulation():
    rules = 'trigger news { at 2026-03-02T18:00  holdout 50%  pace 4 per hour  then { tag "a" } }'
    program = dsl.check([dsl.SourceFile("r", rules)]).program
    people = {f"p{number}": {"user": {"id": f"p{number}"}, "events": {}} for number in range(12)}

    account = await simulate(program, people, [], since=NOW, until=NOW + timedelta(days=1))

    told = [each.at for each in account if each.kind == "started"]
    assert 2 < len(told) < 10
    first = datetime(2026, 3, 2, 18, tzinfo=UTC)
    assert told == [first + timedelta(minutes=15 * place) for place in range(len(told))]


async def test_whoever_waits_for_a_turn_starts_later_than_the_event_and_rightly_so(shop):
    await shop.publish(
        'event a { n: number } trigger t { on a  pace 1 per minute  then { tag "told" } }'
    )
    for name in ("ann", "bob"):
        await shop.person(name)
        await shop.tell(event("a", name, user=name, n=1))
    await shop.work()
    shop.clock.turn(minutes=1)
    await shop.work()

    minutes = [run["started_at"].minute for name in ("ann", "bob") for run in await shop.runs(name)]
    assert sorted(minutes) == [0, 1]
    findings = [each async for each in verify(stores=shop.stores, now=NOW, wall=NOW)]
    assert [each.problems for each in findings if each.id == "I3"] == [[]]
