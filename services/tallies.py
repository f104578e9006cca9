"""Uses, money and codes as orders have taken them, beside what is counted: for `fanfare verify`.

Orders are the truth. Counters must say exactly what orders that stand have taken and not given
back, and what attempts that are under way hold; nobody else may hold anything.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeAlias

from dsl.clauses import Length
from dsl.moment import add
from models.order import Order, OrderState
from models.redemption import PerUser, Taking
from models.store import Stores
from models.store.counters import Kept

_Own: TypeAlias = tuple[str, str]  # what is counted, and whose uses


@dataclass
class _Use:
    """What orders have taken of one counted thing."""

    uses: int = 0
    money: int = 0
    most: int | None = None
    budget: int | None = None

    def take(self, taking: Taking, *, uses: int, money: int) -> None:
        self.uses += uses
        self.money += money
        # Rules may have changed meanwhile: the widest bound that any of them was placed under.
        self.most = _wider(self.most, taking.most)
        self.budget = _wider(self.budget, taking.budget)


@dataclass
class Tallies:
    """What is known while all orders are read."""

    stores: Stores
    problems: list[str] = field(default_factory=list)
    shared: dict[str, _Use] = field(default_factory=lambda: defaultdict(_Use))
    own: dict[_Own, dict[str, datetime]] = field(default_factory=lambda: defaultdict(dict))
    limits: dict[_Own, tuple[Sequence[PerUser], str]] = field(default_factory=dict)
    codes: dict[str, str] = field(default_factory=dict)
    attempts: set[str] = field(default_factory=set)

    async def look(self) -> None:
        """Compare everything."""
        async for order in self.stores.orders.that_took():
            self._take(order)
        holding = await self.stores.redemptions.ids()
        counted: set[str] = set()
        async for kept in self.stores.counters.every():
            if kept.user_id is None:
                counted.add(kept.name)
                self._compare(kept, holding)
            else:
                self._compare_own(kept, kept.user_id, holding)
        self.problems += [
            f"{name}: orders have {use.uses} uses, and nothing is counted"
            for name, use in self.shared.items()
            if name not in counted and use.uses + use.money
        ]
        for (name, user_id), uses in self.own.items():
            self.problems += [
                f"{name}: a use by {user_id} in order attempt {attempt} is not counted"
                for attempt in uses
            ]
        await self._compare_codes(holding)

    # --- what orders say --------------------------------------------------------------------------

    def _take(self, order: Order) -> None:
        if order.state is OrderState.CANCELLED:
            return
        returned = _returned(order)
        stands = not order.is_undone
        if stands:
            self.attempts.add(order.attempt)
        for taking in order.takings:
            if taking.is_shared:
                money = taking.money - sum(returned[name] for name in taking.promotions)
                uses = taking.uses if stands else 0
                self.shared[taking.name].take(taking, uses=uses, money=money)
            if taking.per_user and order.user_id is not None and stands:
                key = (taking.name, order.user_id)
                self.own[key][order.attempt] = order.placed_at
                self.limits[key] = (taking.per_user, taking.zone)
        for code, _ in order.codes if stands else ():
            if code in self.codes:
                self.problems.append(f"code {code} was used twice")
            self.codes[code] = order.attempt

    # --- what is counted --------------------------------------------------------------------------

    def _compare(self, kept: Kept, holding: frozenset[str]) -> None:
        use = self.shared.get(kept.name, _Use())
        held = {h: taken for h, taken in kept.held.items() if h not in self.attempts}
        for what, taken, counted, bound, place in (
            ("uses", use.uses, kept.uses, use.most, 0),
            ("money", use.money, kept.money, use.budget, 1),
        ):
            if bound is not None and max(taken, counted) > bound:
                self.problems.append(f"{kept.name}: {what} {max(taken, counted)} of {bound}")
            in_all = taken + sum(each[place] for each in held.values())
            if in_all != counted:
                self.problems.append(
                    f"{kept.name}: {what} counted {counted}, orders and attempts have {in_all}"
                )
        self.problems += [
            f"{kept.name}: attempt {holder} holds some, and nobody will give it back"
            for holder in held.keys() - holding
        ]

    def _compare_own(self, kept: Kept, user_id: str, holding: frozenset[str]) -> None:
        key = (kept.name, user_id)
        taken = self.own.pop(key, {})
        for holder in kept.times.keys() - taken.keys() - holding:
            self.problems.append(f"{kept.name}: {user_id} has a use ({holder}) that no order has")
        for holder in taken.keys() - kept.times.keys():
            self.problems.append(f"{kept.name}: a use ({holder}) by {user_id} is not counted")
        if key in self.limits:
            limits, zone = self.limits[key]
            self.problems += [
                f"{kept.name}: {user_id} used it {problem}"
                for problem in too_often(sorted(taken.values()), limits, zone)
            ]

    async def _compare_codes(self, holding: frozenset[str]) -> None:
        async for code, holder in self.stores.codes.used():
            if self.codes.pop(code, holder) != holder:
                self.problems.append(f"code {code} is used by another order than the one it is in")
            elif holder not in self.attempts | holding:
                self.problems.append(f"code {code} is used, and no order has it")
        self.problems += [f"code {code} is in an order, and not used" for code in self.codes]


def too_often(times: Sequence[datetime], limits: Sequence[PerUser], zone: str) -> Iterator[str]:
    """Yield each limit that uses at these times, in ascending order, go beyond."""
    for limit in limits:
        if limit.within is None:
            if len(times) > limit.count:
                yield f"{len(times)} times of {limit.count}"
            continue
        within = Length(*limit.within)
        for place in range(len(times) - limit.count):
            if add(times[place], within, zone) > times[place + limit.count]:
                yield (
                    f"more than {limit.count} times within {within.count} {within.unit} from "
                    f"{times[place].isoformat()}"
                )
                break


def _returned(order: Order) -> Counter[str]:
    """Return what of each promotion's saving came back with things."""
    returned = Counter[str]()
    for share in (share for r in order.returns for line in r.lines for share in line.shares):
        returned[share.promotion] += share.amount
    return returned


def _wider(one: int | None, other: int | None) -> int | None:
    return max((each for each in (one, other) if each is not None), default=None)
