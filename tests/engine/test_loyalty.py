"""What a ledger of points comes to, whatever the order in which it was written."""

from datetime import UTC, datetime, timedelta
from random import Random

import pytest

from dsl.clauses import Length
from dsl.offers import Tier
from engine.loyalty.replay import replay
from engine.loyalty.terms import Terms
from engine.loyalty.tiers import tier_of
from models.points import Extent, Reason, Transfer

START = datetime(2026, 3, 2, 12, tzinfo=UTC)


def day(number: float) -> datetime:
    return START + timedelta(days=number)


def gain(id: str, points: int, at: float, lasts: float | None = None, **more) -> Transfer:
    return Transfer(
        id=id,
        user_id="ann",
        reason=Reason.EARNED,
        points=points,
        at=day(at),
        expires_at=None if lasts is None else day(at + lasts),
        **more,
    )


def spend(id: str, points: int, at: float, **more) -> Transfer:
    return Transfer(
        id=id, user_id="ann", reason=Reason.REDEEMED, points=-points, at=day(at), **more
    )


def undo(id: str, order: str, at: float, money: int | None = None) -> Transfer:
    return Transfer(
        id=id,
        user_id="ann",
        reason=Reason.UNDONE,
        points=0,
        at=day(at),
        order=order,
        extent=None if money is None else Extent(money),
    )


def settled(ledger, now: float):
    """Write down what follows, until nothing does; return all of it, and what it comes to."""
    ledger = list(ledger)
    while (standing := replay(ledger, day(now))).corrections:
        known = {each.id for each in ledger}
        assert not known & {each.id for each in standing.corrections}
        ledger += standing.corrections
    assert standing.balance == sum(each.points for each in ledger)
    return ledger, standing


def test_points_expire_lot_by_lot_and_the_first_gained_are_the_first_spent():
    ledger = [gain("a", 100, 0, 10), gain("b", 100, 5, 10), spend("s", 120, 6)]

    assert settled(ledger, 6)[1].balance == 80
    after, standing = settled(ledger, 11)
    assert standing.balance == 80  # all of the first lot was spent in time
    after, standing = settled(ledger, 15)
    assert standing.balance == 0
    assert [(each.id, each.points, each.at) for each in after[3:]] == [("expire:b", -80, day(15))]


def test_a_clock_that_runs_behind_does_not_bring_back_what_has_expired():
    ledger, _ = settled([gain("a", 100, 0, 10)], 11)

    assert settled(ledger, 9) == (ledger, replay(ledger, day(11)))


def test_what_an_order_gained_is_taken_back_in_proportion_and_all_of_it_in_the_end():
    bought = gain("a", 10, 0, order="o", extent=Extent(1000))
    third = [undo(f"r{number}", "o", number, 333) for number in (1, 2, 3)]

    balances = [settled([bought, *third[:many]], 9)[1].balance for many in range(4)]

    assert balances == [10, 7, 4, 1]
    assert settled([bought, *third, undo("c", "o", 4)], 9)[1].balance == 0


def test_points_that_were_spent_already_are_owed_and_further_ones_fill_the_gap():
    ledger = [gain("a", 100, 0, order="o"), spend("s", 100, 1), undo("c", "o", 2)]

    assert settled(ledger, 3)[1].balance == -100
    assert settled([*ledger, gain("b", 130, 4)], 5)[1].balance == 30


def test_what_expired_before_its_order_was_cancelled_is_not_owed_as_well():
    ledger, standing = settled([gain("a", 100, 0, 10, order="o")], 11)
    assert standing.balance == 0

    assert settled([*ledger, undo("c", "o", 12)], 13)[1].balance == 0


def test_what_a_cancelled_order_redeemed_comes_back_with_its_own_end():
    ledger = [gain("a", 100, 0, 10), spend("s", 60, 1, order="o", extent=Extent(1000))]
    ledger, _ = settled(ledger, 2)

    assert settled([*ledger, undo("r", "o", 3, 500)], 4)[1].balance == 70
    back, standing = settled([*ledger, undo("c", "o", 3)], 4)
    assert standing.balance == 100
    assert settled(back, 10)[1].balance == 0


@pytest.mark.parametrize("seed", range(20))
def test_the_order_in_which_things_become_known_changes_nothing(seed):
    chance = Random(seed)
    facts = []
    for number in range(12):
        order = f"o{number}"
        at = chance.uniform(0, 60)
        lasts = chance.choice([None, 5, 20])
        points = chance.randrange(1, 90)
        facts.append(gain(f"g{number}", points, at, lasts, order=order, extent=Extent(1000)))
        if chance.random() < 0.5:
            money = chance.choice([None, 100, 333, 700])
            facts.append(undo(f"u{number}", order, chance.uniform(at, 70), money))
        if chance.random() < 0.5:
            facts.append(spend(f"s{number}", chance.randrange(1, 60), chance.uniform(at, 70)))
    whole = settled(facts, 80)[1]
    chance.shuffle(facts)
    ledger = []
    now = 0.0
    for fact in facts:  # late, and looked at from times that pass meanwhile
        now = min(80, now + chance.uniform(0, 10))
        ledger = settled([*ledger, fact], now)[0]

    standing = settled(ledger, 80)[1]

    assert standing.balance == whole.balance
    assert standing.lots == whole.lots


def test_a_tier_is_reached_and_lasts_exactly_as_long_as_its_points_are_within_its_time():
    terms = Terms((Tier("silver", 100, Length(30, "day")), Tier("gold", 200, Length(30, "day"))))
    lots = replay([gain("a", 100, 0), gain("b", 60, 10), gain("c", 60, 20)], day(20)).lots

    assert tier_of(lots, terms, day(20)) == ("gold", day(30))
    assert tier_of(lots, terms, day(30)) == ("silver", day(40))
    assert tier_of(lots, terms, day(40)) == (None, None)


def test_points_count_for_a_tier_though_they_are_spent_but_not_when_taken_back():
    terms = Terms((Tier("silver", 100, Length(1, "year")),))
    ledger = [gain("a", 100, 0, order="o"), spend("s", 100, 1)]

    assert tier_of(replay(ledger, day(2)).lots, terms, day(2))[0] == "silver"
    ledger.append(undo("c", "o", 2))
    assert tier_of(replay(ledger, day(2)).lots, terms, day(2))[0] is None
