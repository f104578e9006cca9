"""Looking ahead cuts branches of the search and changes nothing else."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import product

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.pricing import combinations, quote
from engine.pricing.candidates import Sieve
from engine.pricing.combinations import Path, Search
from tests.engine.building import carts, promotions, request
from tests.engine.shop import item, price

NAMES = "abcdefghij"


@st.composite
def crowds(draw):
    """Draw programs of which most is in `best of` groups."""
    found = []
    for name in NAMES[: draw(st.integers(3, len(NAMES)))]:
        one, group = draw(promotions(name)), draw(st.sampled_from([None, None, *"ghi"]))
        if group is not None:
            one = replace(one, exclusive=False, first_of=None, best_of=group)
        found.append(one)
    return found


def check_that_nothing_changes(of, own):
    asked = request(of, *own)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(combinations, "FEW", 10**9)
        every = quote(asked, per_unit=True)
        patch.setattr(combinations, "FEW", 0)
        cut = quote(asked, per_unit=True)

    assert cut == every


def check_that_no_more_is_promised_than_comes(of, own):
    """Whatever is chosen, no place on the way there is said to lead to more than it comes to."""
    search = Search(Sieve.of(request(of, *own)))
    queue = [each for each in search._sieve.candidates() if not each.promotion.exclusive]
    outlook = search.look_ahead(queue)
    groups = {}
    for each in queue:
        if each.promotion.best_of:
            groups.setdefault(each.promotion.best_of, []).append(each)
    for chosen in product(*groups.values()):
        promised, paths = zip(*walk(search, outlook, queue, chosen), strict=True)
        assert max(promised) <= paths[-1].to_pay


def walk(search, outlook, queue, chosen) -> Iterator[tuple[float, Path]]:
    path, settled = Path(search._open()), set()
    yield outlook.at_least(path.till, 0, settled), path
    for place, planned in enumerate(queue):
        group = planned.promotion.best_of
        if group is None:
            if not (planned.promotion.first_of and combinations._is_passed_over(planned, path)):
                path = search._serve(path, planned)
        elif planned in chosen:
            settled.add(group)
            path = search._serve(path, planned)
        yield outlook.at_least(path.till, place + 1, settled), path


@given(carts(lines=5), crowds())
@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_a_quote_is_the_same_whether_branches_are_cut_or_not(of, own):
    check_that_nothing_changes(of, own)


@pytest.mark.long
@given(carts(lines=6), crowds())
@settings(
    max_examples=5_000,
    derandomize=False,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
def test_many_more_quotes_are_the_same(of, own):
    check_that_nothing_changes(of, own)


@given(carts(lines=5), crowds())
@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_no_branch_is_promised_more_than_it_comes_to(of, own):
    check_that_no_more_is_promised_than_comes(of, own)


@pytest.mark.long
@given(carts(lines=6), crowds())
@settings(
    max_examples=3_000,
    derandomize=False,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
def test_many_more_branches_are_promised_no_more(of, own):
    check_that_no_more_is_promised_than_comes(of, own)


RULES = "".join(
    f"promotion p{group}_{member} {{ take {group + member + 1}% off cart best of g{group} }}"
    for group in range(12)
    for member in range(2)
)


def test_what_cannot_win_is_not_worked_out(monkeypatch):
    turns, serve = [], Search._serve
    monkeypatch.setattr(Search, "_serve", lambda *given: turns.append(given) or serve(*given))

    priced = price(RULES, item(100))

    assert not priced.reduced
    assert {verdict.name for verdict in priced.verdicts if verdict.applied} == {
        f"p{group}_1" for group in range(12)
    }
    # All 4,096 combinations take 8,190 turns.
    assert len(turns) < 2_000


def test_bundles_that_follow_are_seen_as_they_will_be(monkeypatch):
    turns, serve = [], Search._serve
    monkeypatch.setattr(Search, "_serve", lambda *given: turns.append(given) or serve(*given))
    bundle = (
        'promotion pair { bundle { 1 of items where category = "A"'
        ' 1 of items where category = "B" } for 150 USD priority -1 }'
    )
    lines = [item(100, 1, "A"), item(120, 1, "B"), item(400, 1, "C")]

    assert not price(RULES + bundle, *lines).reduced
    # All 4,096 combinations take 12,286 turns.
    assert len(turns) < 3_000


def test_of_many_that_tie_the_same_one_wins(monkeypatch):
    tied = "".join(
        f"promotion p{group}_{member} {{ take 1 USD off cart best of g{group} }}"
        for group in range(7)
        for member in range(3)
    )

    monkeypatch.setattr(combinations, "FEW", 10**9)
    every = price(tied, item(100), per_unit=True)
    monkeypatch.setattr(combinations, "FEW", 0)

    assert price(tied, item(100), per_unit=True) == every
    assert {verdict.name for verdict in every.verdicts if verdict.applied} == {
        f"p{group}_0" for group in range(7)
    }
