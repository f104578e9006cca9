"""Members of segments come and go as soon as anything says so, once, whatever is cut short."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from models.event import Event
from models.membership import PROFILE
from models.principal import Principal, Role
from services import memberships, people
from services.events import bulk_history
from tests.shop import NOW, event
from tests.staging import once

RULES = """
event order_placed { order_id: text  total: money USD }
attributes user { household_size: number }
segment loyal { count(order_placed, last 90 days) >= 2 }
segment families { user.household_size >= 3 }
segment loyal_families { user in segment loyal and user in segment families }
segment jubilee { days_until(user.birthday) <= 7 }
"""


@pytest.fixture
@once
async def club(shop):
    await shop.person()
    await shop.publish(RULES)
    await shop.fill()
    await shop.work()
    return shop


def order(key, user="ann", **more):
    return event("order_placed", key, user, total="5", order_id=key, items=[], **more)


async def entries(shop):
    found = await shop.stores.outbox.waiting(1000)
    return [(e.type, e.user_id, e.data["segment"]) for e in found if e.type.startswith("segment.")]


async def test_an_event_brings_its_person_in_and_says_so_once(club):
    await club.tell(order("o1"), order("o2"))
    await club.work()
    await club.work()

    assert await club.members("loyal") == {"ann": "event order_placed|o2"}
    assert await entries(club) == [
        *(("segment.filled", None, name) for name in await standing_names(club)),
        ("segment.entered", "ann", "loyal"),
    ]


async def standing_names(shop):
    return sorted((await shop.stores.standings.get()).live)


async def test_only_what_an_event_can_change_is_judged(club):
    await club.tell(event("cart_updated", "c1", total="5"))
    await club.work()
    (ann,) = await club.stores.looks.documents.find().to_list()

    assert "token" not in ann["recheck"]
    watch = memberships.watch_of((await club.rulebook.current()).program)
    assert watch.concerned(["event.order_placed"]) == {"loyal", "loyal_families"}
    assert watch.concerned(["user.household_size"]) == {"families", "loyal_families"}
    assert watch.concerned(["event.cart_updated", "user.tags"]) == frozenset()


async def test_time_takes_people_out_when_the_workspaces_day_begins(club):
    await club.tell(order("o1"), order("o2", at=NOW - timedelta(days=80)))
    await club.work()
    assert "ann" in await club.members("loyal")

    club.clock.turn(days=9, hours=11, minutes=59)
    await club.work()
    assert "ann" in await club.members("loyal")
    club.clock.turn(minutes=1)
    await club.work()

    assert await club.members("loyal") == {}
    (left,) = [e for e in await club.stores.outbox.waiting(99) if e.type == "segment.left"]
    assert (left.at, left.data["why"]) == (datetime(2026, 3, 12, tzinfo=UTC), {"day": "2026-03-12"})


async def test_until_their_day_comes_nobody_is_looked_at(club):
    await club.person("bob", birthday=date(1980, 6, 20))
    await club.work()

    assert await club.stores.looks.due_lanes(datetime(2026, 6, 12, 23, 59, tzinfo=UTC)) == []
    assert await club.stores.looks.due_lanes(datetime(2026, 6, 13, tzinfo=UTC)) != []
    club.clock.business = datetime(2026, 6, 13, tzinfo=UTC)
    await club.work()

    assert await club.members("jubilee") == {"bob": "day 2026-06-13"}


async def test_what_people_say_about_themselves_counts(club):
    principal = Principal(user_id="ann", roles=frozenset({Role.CUSTOMER}), session_id="s")
    await people.update_profile(
        {"birthday": date(1980, 3, 4)},
        version=1,
        caller=principal,
        stores=club.stores,
        wall=NOW,
    )

    await club.work()

    assert await club.members("jubilee") == {"ann": "profile"}


async def test_a_name_that_is_taken_away_is_missing(club):
    await club.publish(RULES + "segment nameless { user.name is missing }")
    await club.fill()
    principal = Principal(user_id="ann", roles=frozenset({Role.CUSTOMER}), session_id="s")
    said = {"caller": principal, "stores": club.stores, "wall": NOW}
    named = await people.update_profile({"name": "Ann"}, version=1, **said)
    await club.work()
    assert await club.members("nameless") == {}

    await people.update_profile({"name": ""}, version=named.version, **said)
    await club.work()

    assert await club.members("nameless") == {"ann": "profile"}


async def test_what_a_journey_sets_counts(club):
    text = RULES + "trigger t { on cart_updated  then { set user.household_size to 5 } }"
    await club.publish(text)
    await club.tell(event("cart_updated", "c1", total="5"))

    await club.work()

    assert await club.members("families") == {"ann": "profile"}


async def test_an_event_told_ahead_of_its_time_counts_when_that_has_come(club):
    await club.tell(order("o1"), order("o2", at=NOW + timedelta(minutes=4)))
    await club.work()
    assert await club.members("loyal") == {}

    club.clock.turn(minutes=4)
    await club.work()

    assert list(await club.members("loyal")) == ["ann"]


async def test_what_is_imported_counts(club):
    past = [
        Event(
            id=f"order_placed|{n}",
            name="order_placed",
            user_id="ann",
            at=NOW - timedelta(days=n),
            received_at=NOW,
            publication=0,
        )
        for n in (1, 2)
    ]
    await bulk_history(past, stores=club.stores, now=NOW)

    await club.work()

    assert list(await club.members("loyal")) == ["ann"]


@pytest.mark.parametrize("step", ["write", "carry_out", "add", "finish"])
async def test_killed_between_any_two_writes_it_comes_out_the_same(club, step, monkeypatch):
    store = {"write": "persons", "finish": "looks", "carry_out": "memberships", "add": "outbox"}
    await club.tell(order("o1"), order("o2"))
    whose = type(getattr(club.stores, store[step]))
    real = getattr(whose, step)

    class Killed(BaseException):
        pass

    async def killed(self, *args, **kwargs):
        if step == "finish" or (args and args[0]):
            monkeypatch.setattr(whose, step, real)
            await real(self, *args, **kwargs)
            raise Killed

        return await real(self, *args, **kwargs)

    monkeypatch.setattr(whose, step, killed)
    with pytest.raises(Killed):
        await club.work()
    await club.stores.leases.documents.delete_many({})
    await club.work()

    assert list(await club.members("loyal")) == ["ann"]
    assert [e for e in await entries(club) if e[0] != "segment.filled"] == [
        ("segment.entered", "ann", "loyal")
    ]
    (ann,) = await club.stores.looks.documents.find().to_list()
    assert "moves" not in ann


async def test_a_note_made_meanwhile_is_not_forgotten(club):
    await club.stores.looks.note({"ann": (["event.order_placed"], PROFILE)})
    (look,) = [
        person.look
        for lane in await club.stores.looks.due_lanes(NOW)
        for person in await club.stores.persons.due([lane], NOW, limit=9)
    ]
    await club.stores.looks.note({"ann": (["user.tags"], PROFILE)})

    await club.stores.looks.finish([memberships.Seen(look=look)])

    assert await club.stores.looks.due_lanes(NOW) != []
    assert await club.stores.looks.decide([replace_moves(look)]) == frozenset()


def replace_moves(look):
    move = memberships.Move(id="m", segment="loyal", number=1, entered=True, at=NOW, cause=PROFILE)
    return replace(memberships.Seen(look=look), moves=(move,))


# --- what coming in and going starts --------------------------------------------------------------

STARTS = """
trigger welcome { when user enters segment loyal  then { tag "welcomed" } }
trigger goodbye { when user leaves segment loyal  for user.name is known  then { tag "missed" } }
"""


async def starts_of(shop):
    return [(run["trigger"], run["state"]) for run in await shop.runs()]


async def test_points_that_come_with_an_event_do_not_keep_anyone_in_for_ever(shop):
    """They are noted between deciding that someone comes in and having them in."""
    await shop.publish(
        "loyalty club { earn 1 point per 1 USD of order_placed.total }"
        " segment rich { user.points >= 1_000 }"
        " segment fresh { count(order_placed, last 7 days) >= 1 }"
    )
    await shop.person()
    await shop.fill()
    await shop.tell(event("order_placed", "o1", order_id="1", total="5"))
    await shop.work()
    assert set(await shop.members("fresh")) == {"ann"}

    shop.clock.turn(days=8)
    await shop.work()

    assert await shop.members("fresh") == {}


async def test_what_brings_someone_in_does_not_end_the_run_that_this_starts(shop):
    """Not where their day has come, either, and a worker sees both late."""
    await shop.person()
    await shop.publish("""
    event b {}
    segment today { count(b, this day) >= 1 }
    segment old { days_since(user.created_at) >= 1 }
    trigger t { when user enters segment today  then { wait 1 hour unless b  tag "done" } }
    """)
    await shop.fill()
    await shop.work()
    midnight = NOW.replace(hour=0) + timedelta(days=1)

    shop.clock.business = shop.clock.real = midnight + timedelta(seconds=3)
    await shop.tell(event("b", "b1", at=midnight + timedelta(seconds=2)))
    await shop.work()
    shop.clock.turn(hours=2)
    await shop.work()

    assert set(await shop.members("old")) == {"ann"}
    (run,) = await shop.runs()
    assert midnight + timedelta(seconds=2) <= run["started_at"] <= midnight + timedelta(seconds=3)
    assert run["reason"] == ""
    assert (await shop.stores.users.get("ann")).tags == ("done",)


async def test_each_time_someone_comes_in_starts_a_journey_once(club):
    await club.publish(RULES + STARTS)
    await club.fill()
    await club.tell(order("o1"), order("o2"))
    await club.work()
    await club.work()
    assert await starts_of(club) == [("welcome", "done")]

    club.clock.turn(days=90)
    await club.work()
    assert await starts_of(club) == [("welcome", "done"), ("goodbye", "done")]

    await club.tell(order("o3"), order("o4"))
    await club.work()
    assert [name for name, _ in await starts_of(club)] == ["welcome", "goodbye", "welcome"]


async def test_filling_a_segment_starts_nobody(club):
    await club.tell(order("o1"), order("o2"))
    await club.work()
    changed = RULES.replace(">= 2 }", ">= 1 }")

    await club.publish(changed + STARTS)
    await club.fill()
    await club.work()
    await club.publish(RULES.replace(">= 2 }", ">= 9 }") + STARTS)
    await club.fill()
    await club.work()

    assert await club.members("loyal") == {}
    assert await starts_of(club) == []


@pytest.mark.parametrize("step", ["write", "plan", "finish"])
async def test_killed_on_the_way_a_journey_still_starts_once(club, step, monkeypatch):
    await club.publish(RULES + STARTS)
    await club.fill()
    await club.tell(order("o1"), order("o2"))
    stores = {"write": club.stores.persons, "plan": club.stores.runs, "finish": club.stores.looks}
    whose = type(stores[step])
    real = getattr(whose, step)

    class Killed(BaseException):
        pass

    async def killed(self, given):
        await real(self, given)
        if given:
            monkeypatch.setattr(whose, step, real)
            raise Killed
        return []

    monkeypatch.setattr(whose, step, killed)
    with pytest.raises(Killed):
        await club.work()
    await club.stores.leases.documents.delete_many({})
    await club.work()

    assert await starts_of(club) == [("welcome", "done")]
