"""Group buys: opened by one, joined by link, complete in time or let go."""

import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from hashlib import sha256

from dsl import Moment
from dsl.moment import add
from dsl.offers import GroupBuy
from engine.allowances import Allowance, allowances, total
from engine.schedule import is_active, why_not
from models.claim import Taken, Told, stock_id
from models.errors import Conflict, NotFound
from models.group import Group, GroupState, Member
from models.store import Stores
from services.keys import require_key
from services.rulebook import Published, Rulebook
from services.shelves import FRESH, Shelf


class Groups:
    """One per process: it remembers which stocks are used up."""

    def __init__(self, stores: Stores, rulebook: Rulebook, *, fresh: float = FRESH) -> None:
        self._stores = stores
        self._rulebook = rulebook
        self._fresh = fresh
        self._shelves: dict[str, tuple[int, Shelf]] = {}

    async def open(self, name: str, key: str, *, user_id: str, now: datetime) -> Group:
        """Open a group with its first member. The same key again is the same group.

        Raises NotFound, or Conflict with NOT_ACTIVE, PAUSED, SOLD_OUT or LIMIT_REACHED.
        """
        published = await self._rulebook.current()
        buy = _buy(name, published)
        now = _check_open(buy, published, now)
        require_key(key)
        stock = stock_id(published.campaign_of.get(name), name)
        opened_by = f"{stock}|{sha256(f'{user_id}|{key}'.encode()).hexdigest()[:24]}"
        group = Group(
            id=secrets.token_urlsafe(16),
            buy=stock,
            name=name,
            campaign_id=published.campaign_of.get(name),
            sku=buy.sku,
            price=buy.price.minor,
            currency=buy.price.currency,
            size=buy.people,
            seat=None,
            slots=(),
            state=GroupState.OPEN,
            members=(Member(user_id, now),),
            opened_by=opened_by,
            at=now,
            until=add(now, buy.within, published.program.zone),
            untold=(Told("opened", now),),
        )
        return await self._place(group, buy)

    async def join(self, group_id: str, *, user_id: str, now: datetime) -> Group:
        """Become a member. Whoever is one already stays it.

        Raises NotFound, or Conflict with GROUP_FULL, GROUP_OVER, PAUSED or LIMIT_REACHED.
        """
        group = await self._stores.groups.find(group_id)
        if group is None:
            raise NotFound("There is no such group; ask for its link again.", field=("groupId",))
        if group.has(user_id):
            return group
        published = await self._rulebook.current()
        if group.campaign_id in published.paused:
            raise Conflict(f"{group.name} is paused; try again later.", code="PAUSED")
        now = Moment(now, published.program.zone).now
        buy = published.program.group_buys.get(group.name)
        allowed = allowances(() if buy is None else buy.limits)
        places = dict.fromkeys((each.label for each in allowed), 0)
        while True:
            slots = _slots(user_id, allowed, places)
            outcome = await self._stores.groups.join(group_id, user_id, slots, now)
            if isinstance(outcome, Group):
                return outcome
            if outcome is None:
                return await self._why_not(group_id, user_id)
            if not await self._next_place(outcome, group, allowed, places, now):
                raise _limited(group.name)

    async def _place(self, group: Group, buy: GroupBuy) -> Group:
        """Insert a new group where there is a seat for it and a place for its opener."""
        user_id = group.members[0].user_id
        allowed = allowances(buy.limits)
        places = dict.fromkeys((each.label for each in allowed), 0)
        while True:
            seat = await self._seat(group, buy)
            made = replace(group, seat=seat, slots=_slots(user_id, allowed, places))
            taken = await self._stores.groups.add(made)
            if taken is None:
                return made
            shelf = self._shelves.get(group.buy)
            if taken.what != "seat" and seat is not None and shelf is not None:
                shelf[1].put_back(seat)
            if found := await self._stores.groups.find_opened(group.opened_by):
                return found
            if taken.what == "slots" and not await self._next_place(
                taken, group, allowed, places, group.at
            ):
                raise _limited(buy.title or buy.name)

    async def _seat(self, group: Group, buy: GroupBuy) -> int | None:
        """Return a seat that seems free, None where there is no stock. Raises SOLD_OUT."""
        if buy.stock is None:
            return None
        size = total(buy.stock, buy.limits) // buy.people
        known = self._shelves.get(group.buy)
        if known is None or known[0] != size:
            await self._stores.stocks.declare(group.buy, "group_buy", size * buy.people)
            shelf = Shelf(lambda: self._stores.groups.seats(group.buy), fresh=self._fresh)
            known = self._shelves[group.buy] = (size, shelf)
        shelf = known[1]
        if not shelf.is_sold_out(group.opened_by):
            seat = shelf.pick()
            if seat is None:
                await shelf.look(size)
                seat = shelf.pick()
            if seat is not None:
                return seat
        if found := await self._stores.groups.find_opened(group.opened_by):
            return found.seat  # the insert finds it again
        raise Conflict(
            f"{buy.title or buy.name} is sold out. What groups that fail had set aside comes back.",
            code="SOLD_OUT",
        )

    async def _next_place(
        self,
        taken: Taken,
        group: Group,
        allowed: Sequence[Allowance],
        places: dict[str, int],
        now: datetime,
    ) -> bool:
        """Move on to the next place that the user may take; False if there is none."""
        if taken.what != "slots":
            return True
        allowance = next(each for each in allowed if each.owns(taken.value))
        if allowance.within is not None:
            holder = await self._stores.groups.find_slot(group.buy, taken.value)
            zone = (await self._rulebook.current()).program.zone
            if holder is None:
                return True
            if add(holder.at, allowance.within, zone) <= now:
                await self._stores.groups.free_slot(holder, taken.value)
                return True
        places[allowance.label] += 1
        return places[allowance.label] < allowance.count

    async def _why_not(self, group_id: str, user_id: str) -> Group:
        group = await self._stores.groups.find(group_id)
        if group is not None and group.has(user_id):
            return group
        if group is not None and group.state is GroupState.COMPLETED:
            raise Conflict("This group is complete; open one of your own.", code="GROUP_FULL")
        raise _over()


async def order(group_id: str, order: str, *, user_id: str, holder: str, stores: Stores) -> None:
    """Let an attempt at an order have what a member's complete group bought. Safe to repeat.

    Raises Conflict with GROUP_USED if another order has it.
    """
    if not await stores.groups.order(group_id, user_id, order, holder):
        raise _used()


def standing(
    groups: Iterable[Group], user_id: str | None, order: str | None
) -> Mapping[str, Conflict]:
    """Return why this member cannot order with some of these groups."""
    refusals: dict[str, Conflict] = {}
    for group in groups:
        member = group.member(user_id or "")
        if member is None:
            continue
        if group.state is GroupState.OPEN:
            refusals[group.id] = Conflict(
                f"The group is not complete yet: it takes {group.missing} more.", code="GROUP_OPEN"
            )
        elif group.state is GroupState.FAILED:
            refusals[group.id] = _over()
        elif member.order is not None and member.order != order:
            refusals[group.id] = _used()
    return refusals


def _used() -> Conflict:
    return Conflict("You have ordered with this group already.", code="GROUP_USED")


def _over() -> Conflict:
    return Conflict("This group did not come together in time; open a new one.", code="GROUP_OVER")


def _buy(name: str, published: Published) -> GroupBuy:
    buy = published.program.group_buys.get(name)
    if buy is None:
        raise NotFound(
            f"No group buy {name!r} is live; its name is the one in the rules.",
            field=("groupBuy",),
        )
    return buy


def _check_open(buy: GroupBuy, published: Published, now: datetime) -> datetime:
    """Return the instant as it is stored, to the millisecond, if groups can be opened then."""
    moment = Moment(now, published.program.zone, published.program)
    if not is_active(buy.active, moment):
        raise Conflict(f"{buy.title or buy.name} {why_not(buy.active, moment)}.", code="NOT_ACTIVE")
    if published.campaign_of.get(buy.name) in published.paused:
        raise Conflict(f"{buy.title or buy.name} is paused; try again later.", code="PAUSED")
    return moment.now


def _slots(
    user_id: str, allowed: Sequence[Allowance], places: Mapping[str, int]
) -> tuple[str, ...]:
    return tuple(each.slot(user_id, places[each.label]) for each in allowed)


def _limited(name: str) -> Conflict:
    return Conflict(
        f"You are in as many groups of {name} as one may be, counting those that are complete.",
        code="LIMIT_REACHED",
    )
