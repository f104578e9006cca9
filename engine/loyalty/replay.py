"""What a person's ledger comes to: a function of what is in it, not of the order it came in.

Points are lots, spent in the order in which they were gained. What an order gained and what came
back of it counts as never gained; what it redeemed, as never spent. So whatever is learned late,
the account ends up as if it had been known in time; where that differs from what is in the ledger
already, corrections follow.
"""

from collections import defaultdict, deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum
from fractions import Fraction
from math import floor
from typing import assert_never

from models.points import GAINS, SPENDINGS, Reason, Transfer, correction_id


@dataclass(slots=True)
class Lot:
    """Points gained together: how many of them count, are left, and have expired."""

    id: str
    at: datetime
    expires_at: datetime | None
    points: int
    left: int = 0
    expired: int = 0


class _Turn(IntEnum):
    """What can happen to lots, in the order in which it does at the same instant."""

    EXPIRE = 0
    GAIN = 1
    SPEND = 2


@dataclass(frozen=True, slots=True)
class Standing:
    """`balance` is below zero where more was spent than, as it turned out, had been gained.

    `corrections` are transfers that the ledger lacks to say the same.
    """

    balance: int
    lots: Sequence[Lot]
    corrections: Sequence[Transfer]

    @property
    def expires_next(self) -> datetime | None:
        """Return when the next points expire."""
        return min(
            (lot.expires_at for lot in self.lots if lot.left and lot.expires_at is not None),
            default=None,
        )


def replay(transfers: Iterable[Transfer], now: datetime) -> Standing:
    """Return what these transfers of one person come to at `now`."""
    ledger = list(transfers)
    # A clock that runs behind another does not bring back what the other has seen expire.
    now = max([now, *(each.at for each in ledger if each.reason is Reason.EXPIRED)])
    undone: dict[str, list[Transfer]] = defaultdict(list)
    for each in ledger:
        if each.reason is Reason.UNDONE and each.order is not None:
            undone[each.order].append(each)
    taken = {each.id: _undone(each, undone) for each in ledger if each.reason in GAINS}
    given = {each.id: -_undone(each, undone) for each in ledger if each.reason in SPENDINGS}
    lots, debt = _run(ledger, taken, given, now)
    return Standing(
        balance=sum(lot.left for lot in lots) - debt,
        lots=lots,
        corrections=tuple(_corrections(ledger, _wanted(lots, taken, given), undone, now)),
    )


def _undone(transfer: Transfer, undone: Mapping[str, Sequence[Transfer]]) -> int:
    """Return how many of a transfer's points do not count, as its order was undone."""
    came = undone.get(transfer.order or "", ())
    if not came:
        return 0
    share = sum(
        (
            Fraction(1) if each.extent is None else each.extent.share_of(transfer.extent)
            for each in came
        ),
        Fraction(),
    )
    points = floor(abs(transfer.points) * min(share, Fraction(1)))
    return points if transfer.points > 0 else -points


def _run(
    ledger: Iterable[Transfer], taken: Mapping[str, int], given: Mapping[str, int], now: datetime
) -> tuple[list[Lot], int]:
    """Let time pass over lots and spendings; return the lots, and what was spent without any."""
    lots = [
        Lot(each.id, each.at, each.expires_at, each.points - taken[each.id])
        for each in ledger
        if each.id in taken
    ]
    lots.sort(key=lambda lot: (lot.at, lot.id))
    spent = {each.id: -each.points - given[each.id] for each in ledger if each.id in given}
    by_id = {lot.id: lot for lot in lots}
    turns = [(lot.at, _Turn.GAIN, lot.id) for lot in lots]
    turns += [(each.at, _Turn.SPEND, each.id) for each in ledger if each.id in given]
    turns += [
        (lot.expires_at, _Turn.EXPIRE, lot.id)
        for lot in lots
        if lot.expires_at is not None and lot.expires_at <= now
    ]
    waiting: deque[Lot] = deque()
    debt = 0
    for _, turn, about in sorted(turns):
        match turn:
            case _Turn.EXPIRE:
                lot = by_id[about]
                lot.left, lot.expired = 0, lot.left
            case _Turn.GAIN:
                lot = by_id[about]
                lot.left = max(0, lot.points - debt)
                debt -= lot.points - lot.left
                waiting.append(lot)
            case _Turn.SPEND:
                debt += _spend(spent[about], waiting)
            case _:
                assert_never(turn)
    return lots, debt


def _spend(points: int, lots: deque[Lot]) -> int:
    """Take points from the lots, the first first; return how many were not to be had."""
    while points and lots:
        first = lots[0]
        part = min(points, first.left)
        first.left -= part
        points -= part
        if not first.left:
            lots.popleft()
    return points


def _wanted(
    lots: Iterable[Lot], taken: Mapping[str, int], given: Mapping[str, int]
) -> Iterator[tuple[Reason, str, int]]:
    """Yield what the ledger should say of each lot and spending beside what they are."""
    for of, points in taken.items():
        yield Reason.TAKEN_BACK, of, -points
    for of, points in given.items():
        yield Reason.GIVEN_BACK, of, points
    for lot in lots:
        yield Reason.EXPIRED, lot.id, -lot.expired


def _corrections(
    ledger: Sequence[Transfer],
    wanted: Iterable[tuple[Reason, str, int]],
    undone: Mapping[str, Sequence[Transfer]],
    now: datetime,
) -> Iterator[Transfer]:
    posted: dict[tuple[Reason, str], list[int]] = defaultdict(list)
    for each in ledger:
        if each.of is not None:
            posted[each.reason, each.of].append(each.points)
    known = {each.id: each for each in ledger}
    for reason, of, points in wanted:
        before = posted.get((reason, of), ())
        missing = points - sum(before)
        if missing:
            of_it = known[of]
            at = now
            if reason is not Reason.EXPIRED:
                at = max((each.at for each in undone.get(of_it.order or "", ())), default=now)
            elif not before and of_it.expires_at is not None:
                at = of_it.expires_at
            yield Transfer(
                id=correction_id(reason, of, len(before)),
                user_id=of_it.user_id,
                reason=reason,
                points=missing,
                at=at,
                of=of,
                order=of_it.order,
                campaign_id=of_it.campaign_id,
                about=of_it.about,
            )
