"""`limit … total`: whose run is over leaves its place to their next, at the same moment, too."""

from datetime import timedelta

import pytest

from tests.shop import event

RULES = """
event cart_updated { total: money USD }
trigger t {
  on cart_updated  %s
  then { %s wait 1 hour  send email "greet" with { total: event.total } }
}
"""


async def restarted(shop, clauses: str, first: str = "") -> list[str]:
    """Have somebody's run meet another start of theirs; return how the runs ended."""
    await shop.template("greet", text="{{ total }}")
    await shop.publish(RULES % (clauses, first))
    for name in ("ann", "bob"):
        await shop.person(name)
    for key, user in (("5", "ann"), ("50", "ann"), ("7", "bob")):
        await shop.tell(event("cart_updated", key, user=user, total=key))
        await shop.work()
        shop.clock.turn(minutes=1)
    shop.clock.turn(hours=1)
    await shop.work()
    assert await shop.stores.limits.taken("t") == 1
    return [f"{run['user']} {run['reason']}" for run in await shop.runs()]


@pytest.mark.parametrize("clauses", ["limit 1 total", "limit 1 total reenter restart"])
async def test_who_starts_anew_takes_the_place_in_the_total_of_the_run_that_ends(
    shop, smtp, clauses
):
    assert await restarted(shop, clauses) == ["ann restarted", "ann "]
    assert [mail.get_content().strip() for mail in smtp.messages] == ["50.00"]


async def test_what_a_run_did_before_it_was_to_start_anew_uses_its_place_up(shop, smtp):
    ended = await restarted(shop, "limit 1 total reenter restart", 'tag "seen"')

    assert ended == ["ann "]
    assert [mail.get_content().strip() for mail in smtp.messages] == ["5.00"]


async def test_a_run_that_is_over_as_the_next_is_to_start_leaves_it_its_place(shop, smtp):
    await shop.template("greet", text="{{ total }}")
    await shop.person("ann")
    await shop.publish("""
    event cart_updated { total: money USD }
    trigger t {
      on cart_updated  limit 1 total
      then {
        wait 1 hour
        if event.total > 10 USD { send email "greet" with { total: event.total } }
      }
    }
    """)
    begin = shop.clock.now()
    shop.clock.turn(hours=3)
    for hour, total in enumerate(("5", "50", "500")):
        await shop.tell(event("cart_updated", total, at=begin + timedelta(hours=hour), total=total))

    await shop.work()

    started = [run["started_at"] - begin for run in await shop.runs()]
    assert started == [timedelta(hours=0), timedelta(hours=1)]
    assert [mail.get_content().strip() for mail in smtp.messages] == ["50.00"]
    assert await shop.stores.limits.taken("t") == 1


async def test_a_place_is_handed_over_once_however_often_it_is_tried(shop):
    limits = shop.stores.limits
    await limits.take("t", "first", most=1)

    twice = [await limits.hand_over("t", "first", "second") for _ in range(2)]
    await limits.give_back("t", "first")

    assert twice == [True, True]
    assert not await limits.take("t", "third", most=1)
    await limits.give_back("t", "second")
    assert not await limits.hand_over("t", "first", "second")
    assert await limits.take("t", "third", most=1)


WAITS = """
event a {}
event b {}
trigger t { on a  limit 1 total  then { wait 5 hours unless b  tag "done" } }
"""


@pytest.mark.parametrize("names", [("ann", "bob"), ("bob", "ann")])
async def test_a_place_that_somebodys_run_leaves_is_there_for_who_comes_after_it(shop, names):
    first, second = names
    for name in names:
        await shop.person(name)
    await shop.publish(WAITS)
    await shop.tell(event("a", "1", user=first))
    await shop.work()
    later = shop.clock.now() + timedelta(minutes=1)
    shop.clock.turn(minutes=2)

    # Both wait when a worker comes.
    await shop.tell(event("b", "2", user=first, at=later))
    await shop.tell(event("a", "3", user=second, at=later + timedelta(seconds=1)))
    await shop.work()
    shop.clock.turn(hours=6)
    await shop.work()

    assert [run["reason"] for run in await shop.runs(first)] == ["event b"]
    assert [run["started_at"] for run in await shop.runs(second)] == [later + timedelta(seconds=1)]
    assert (await shop.stores.users.get(second)).tags == ("done",)
    assert await shop.stores.limits.taken("t") == 1


async def test_who_comes_before_a_place_is_left_has_come_too_early(shop):
    for name in ("ann", "bob"):
        await shop.person(name)
    await shop.publish(WAITS)
    await shop.tell(event("a", "1", user="ann"))
    await shop.work()
    later = shop.clock.now() + timedelta(minutes=1)
    shop.clock.turn(minutes=2)

    await shop.tell(event("a", "2", user="bob", at=later))
    await shop.tell(event("b", "3", user="ann", at=later + timedelta(seconds=1)))
    await shop.work()

    assert await shop.runs("bob") == []
    assert await shop.stores.limits.taken("t") == 0
    assert await shop.stores.events.pending_lanes() == []


async def test_of_two_places_that_somebody_leaves_the_first_counts(shop):
    for name in ("ann", "bob"):
        await shop.person(name)
    await shop.publish("""
    event a { n: number }
    event b { n: number }
    trigger t {
      on a  limit 2 total  reenter parallel
      then { wait 5 hours unless b where n = event.n  tag "done" }
    }
    """)
    await shop.tell(event("a", "1", n=1), event("a", "2", n=2))
    await shop.work()
    begin = shop.clock.now()
    shop.clock.turn(minutes=9)

    for place, (name, user, n) in enumerate((("b", "ann", 1), ("a", "bob", 3), ("b", "ann", 2))):
        at = begin + timedelta(minutes=place + 1)
        await shop.tell(event(name, f"later {place}", user=user, at=at, n=n))
    await shop.work()

    assert [run["reason"] for run in await shop.runs("ann")] == ["event b", "event b"]
    assert [run["started_at"] for run in await shop.runs("bob")] == [begin + timedelta(minutes=2)]
