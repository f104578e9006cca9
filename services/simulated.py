"""What a simulation keeps in memory where the system has collections."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from dsl import Moment
from dsl.offers import Lottery
from dsl.program import Program
from engine.loyalty.replay import Standing, replay
from engine.loyalty.terms import expiry, terms_of
from engine.loyalty.tiers import tier_of
from engine.membership import watch_of
from engine.schedule import is_active
from models.effect import Effect, EffectKind
from models.points import Reason, Transfer


@dataclass(slots=True)
class Limits:
    """Total limits, as models.store keeps them."""

    holders: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))

    async def take(self, limit: str, holder: str, *, most: int) -> bool:
        holders = self.holders[limit]
        if holder not in holders and len(holders) >= most:
            return False
        holders.add(holder)
        return True

    async def hand_over(self, limit: str, holder: str, to: str) -> bool:
        holders = self.holders[limit]
        if holder in holders:
            holders.remove(holder)
            holders.add(to)
        return to in holders

    async def give_back(self, limit: str, holder: str) -> None:
        self.holders[limit].discard(holder)


@dataclass(slots=True)
class Paces:
    """When each trigger's next turn is."""

    free: dict[str, datetime] = field(default_factory=dict)

    async def take(self, trigger: str, span: timedelta, *, after: datetime) -> datetime:
        first = max(self.free.get(trigger, after), after)
        self.free[trigger] = first + span
        return first


class Memberships:
    """Who is in which segment. Whoever is in one at the beginning has not come into it."""

    def __init__(self, program: Program) -> None:
        self._program = program
        self._watch = watch_of(program)
        self._names = frozenset(program.segments)
        self._of: dict[str, frozenset[str]] = {}
        self._turns: dict[str, datetime] = {}

    def look(
        self, user_id: str, facts: Mapping[str, Any], now: datetime
    ) -> Sequence[tuple[str, bool]]:
        """Return what someone has come into (True) and left since they were last looked at."""
        moment = Moment(now, self._program.zone, self._program)
        holding = self._watch.holding(self._names, facts, moment)
        before = self._of.get(user_id, holding)
        self._of[user_id] = holding
        turn = self._watch.next_change(self._names, holding, facts, moment)
        self._turns.pop(user_id, None)
        if turn is not None:
            self._turns[user_id] = turn
        return [(name, name in holding) for name in sorted(before ^ holding)]

    @property
    def turns(self) -> Mapping[str, datetime]:
        """When to look at people next: time alone can change an answer then."""
        return self._turns


class Ledger:
    """Everybody's points. What someone has at the beginning counts as gained then."""

    def __init__(self, program: Program) -> None:
        self._program = program
        self._terms = terms_of(program)
        self._transfers: dict[str, list[Transfer]] = defaultdict(list)
        self._turns: dict[str, datetime] = {}

    def open(self, user_id: str, points: int, at: datetime) -> None:
        """Note what someone has at the beginning."""
        if points:
            self.add([self.award("opening", user_id, points, at)], at)

    def award(self, key: str, user_id: str, points: int, at: datetime) -> Transfer:
        """Return the transfer of an award."""
        return Transfer(
            id=f"award:{key}",
            user_id=user_id,
            reason=Reason.AWARDED,
            points=points,
            at=at,
            expires_at=expiry(self._program, at),
        )

    def add(self, transfers: Iterable[Transfer], now: datetime) -> None:
        for transfer in transfers:
            self._transfers[transfer.user_id].append(transfer)
            self.standing(transfer.user_id, now)

    def standing(self, user_id: str, now: datetime) -> tuple[Standing, str | None]:
        """Return what someone's ledger comes to, and their tier."""
        standing = replay(self._transfers.get(user_id, ()), now)
        tier, until = tier_of(standing.lots, self._terms, now)
        turns = [turn for turn in (standing.expires_next, until) if turn is not None]
        self._turns.pop(user_id, None)
        if turns:
            self._turns[user_id] = min(turns)
        return standing, tier

    @property
    def turns(self) -> Mapping[str, datetime]:
        """When points expire or a tier ends."""
        return self._turns


class Entries:
    """Who has entered which lottery, and by what."""

    def __init__(self, program: Program) -> None:
        self._program = program
        self._sources: dict[tuple[str, str], set[str]] = defaultdict(set)

    async def refusal(self, effect: Effect) -> str | None:
        """Enter someone by a step; return why not, if so. Whatever else a step does may be."""
        if effect.kind is not EffectKind.ENTER:
            return None
        lottery = self._program.lotteries[effect.data["lottery"]]
        return self.enter(lottery, effect.user_id, effect.id, effect.at)

    def enter(self, lottery: Lottery, user_id: str, source: str, at: datetime) -> str | None:
        """Enter someone once for each source; return why not, if so."""
        sources = self._sources[(lottery.name, user_id)]
        moment = Moment(at, self._program.zone, self._program)
        if source in sources:
            return None
        if at >= lottery.draw_at or not is_active(lottery.active, moment):
            return "closed"
        if lottery.entries is not None and len(sources) >= lottery.entries:
            return "no_more_entries"
        sources.add(source)
        return None
