"""What a cart costs, unit by unit and combination by combination: slow, and easy to believe."""

from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from hashlib import sha256
from itertools import product

from dsl import holds, value
from dsl.promotions import Award, Bundle, BuyGet, FixedPrice, Gift, SplitEffects, Take, Tiers


@dataclass
class Unit:
    line: int
    price: int
    floor: int
    left: int
    used: bool = False
    taken: dict = field(default_factory=dict)

    @property
    def room(self):
        return max(0, self.left - self.floor)


class World:
    """One combination being applied."""

    def __init__(self, request):
        self.request = request
        self.facts = request.seen()
        self.units = [
            Unit(at, line.price, min(line.floor, line.price), line.price)
            for at, line in enumerate(request.cart.lines)
            for _ in range(line.quantity)
        ]
        self.shipping = request.cart.shipping
        self.saved, self.gave, self.names = {}, {}, []

    def remaining(self):
        return sum(unit.left for unit in self.units)

    def give(self, name, points):
        self.gave[name] = self.gave.get(name, 0) + points

    def take(self, name, unit, amount):
        unit.left -= amount
        unit.taken[name] = unit.taken.get(name, 0) + amount
        self.saved[name] = self.saved.get(name, 0) + amount


def largest_remainder(amount, weights):
    whole = sum(weights)
    exact = [Fraction(amount * weight, whole) for weight in weights]
    shares = [int(each) for each in exact]
    by_remainder = sorted(range(len(weights)), key=lambda at: shares[at] - exact[at])
    for at in by_remainder[: amount - sum(shares)]:
        shares[at] += 1
    return shares


def share(amount, parties):
    """Parties are (weight, room); one whose share is more than its room is fixed at its room."""
    result = [0] * len(parties)
    waiting = [at for at, (_, room) in enumerate(parties) if room > 0]
    while waiting:
        shares = largest_remainder(amount, [parties[at][0] for at in waiting])
        full = [at for at, got in zip(waiting, shares, strict=True) if got > parties[at][1]]
        if not full:
            for at, got in zip(waiting, shares, strict=True):
                result[at] = got
            break
        for at in full:
            result[at] = parties[at][1]
            amount -= result[at]
        waiting = [at for at in waiting if at not in full]
    return result


def half_up(number):
    decimal = Decimal(number.numerator) / Decimal(number.denominator)
    return int(decimal.quantize(Decimal(1), ROUND_HALF_UP))


def reduced(off, money):
    return (
        half_up(Fraction(off.percent) / 100 * money)
        if off.percent is not None
        else off.amount.minor
    )


def capped(amount, cap):
    return amount if cap is None else min(amount, cap.minor)


class Turn:
    def __init__(self, world, promotion):
        self.world, self.name = world, promotion.name
        cart = {**world.facts["cart"], "remaining": world.remaining()}
        self.facts = {**world.facts, "cart": cart}
        self.moment = world.request.moment

    def matching(self, where):
        items = self.facts["cart"]["items"]
        lines = {
            at
            for at, item in enumerate(items)
            if where is None or holds(where, self.facts, self.moment, item)
        }
        return [unit for unit in self.world.units if unit.line in lines]

    def off_units(self, amount, units):
        """Shared over the lines, then over the units of each."""
        lines = sorted({unit.line for unit in units})
        groups = [[unit for unit in units if unit.line == line] for line in lines]
        parties = [(sum(u.left for u in group), sum(u.room for u in group)) for group in groups]
        for group, got in zip(groups, share(amount, parties), strict=True):
            units_shares = share(got, [(unit.left, unit.room) for unit in group])
            for unit, each in zip(group, units_shares, strict=True):
                self.world.take(self.name, unit, each)

    def off_each(self, discount, units, cap):
        wanted = [min(discount(unit.left), unit.room) for unit in units]
        if cap is not None and sum(wanted) > cap.minor:
            wanted = largest_remainder(cap.minor, wanted)
        for unit, amount in zip(units, wanted, strict=True):
            self.world.take(self.name, unit, amount)

    def ordered(self, units, dearest):
        sign = -1 if dearest else 1
        return sorted(units, key=lambda unit: (sign * unit.price, unit.line, -unit.left))

    def discount(self, off, target, cap):
        world = self.world
        if target.what == "shipping":
            amount = min(world.shipping, capped(reduced(off, world.shipping), cap))
            world.shipping -= amount
            world.saved[self.name] = world.saved.get(self.name, 0) + amount
            return
        units = self.matching(target.where)
        if target.what == "each":
            self.off_each(lambda left: reduced(off, left), units, cap)
            return
        if target.what in ("cheapest", "dearest"):
            units = [unit for unit in units if unit.room > 0]
            units = self.ordered(units, target.what == "dearest")[: target.count]
            units = [unit for unit in world.units if any(unit is each for each in units)]
        self.off_units(capped(reduced(off, sum(u.left for u in units)), cap), units)

    def buy_get(self, effect):
        free = [unit for unit in self.matching(effect.buy_where) if not unit.used]
        prizes = self.matching(effect.get_where)
        prizes = [unit for unit in prizes if not unit.used and unit.room > 0]
        most = effect.times if effect.times is not None else len(self.world.units)
        for repeats in range(most, 0, -1):
            rewarded = self.rewarded(effect, repeats, free, prizes)
            if rewarded is not None:
                break
        else:
            return
        inside = {id(unit) for unit in prizes}
        rest = [u for u in self.ordered(free, True) if not any(u is each for each in rewarded)]
        bought = sorted(rest, key=lambda unit: id(unit) in inside)[: repeats * effect.buy]
        for unit in rewarded + bought:
            unit.used = True
        if effect.price is not None:
            rewarded = [unit for unit in self.world.units if any(unit is e for e in rewarded)]
            self.off_each(lambda left: max(0, left - effect.price.minor), rewarded, effect.cap)
        else:
            amount = reduced(effect.off, sum(unit.left for unit in rewarded))
            rewarded = [unit for unit in self.world.units if any(unit is e for e in rewarded)]
            self.off_units(capped(amount, effect.cap), rewarded)

    def rewarded(self, effect, repeats, free, prizes):
        """The first in order that leave enough to buy, or None if so many repeats do not fit."""
        chosen = []
        for unit in self.ordered(prizes, effect.dearest):
            if len(chosen) == repeats * effect.get:
                break
            rest = [u for u in free if u is not unit and not any(u is each for each in chosen)]
            if len(rest) >= repeats * effect.buy:
                chosen.append(unit)
        enough = len(chosen) == repeats * effect.get
        left = [u for u in free if not any(u is each for each in chosen)]
        return chosen if enough and len(left) >= repeats * effect.buy else None

    def bundle(self, effect):
        chosen, saving, times = [], 0, 0
        while effect.times is None or times < effect.times:
            repeat = []
            for count, where in effect.parts:
                units = [u for u in self.matching(where) if u.room > 0 and not u.used]
                taken = chosen + repeat
                units = [u for u in units if not any(u is each for each in taken)]
                units = self.ordered(units, True)[:count]
                repeat += units
                if len(units) < count:
                    repeat = None
                    break
            if repeat is None:
                break
            cost = sum(unit.left for unit in repeat)
            if cost <= effect.price.minor:
                break
            chosen, saving, times = chosen + repeat, saving + cost - effect.price.minor, times + 1
        for unit in chosen:
            unit.used = True
        chosen = [unit for unit in self.world.units if any(unit is each for each in chosen)]
        self.off_units(capped(saving, effect.cap), chosen)

    def apply(self, effect):
        match effect:
            case Take(off, target, cap):
                self.discount(off, target, cap)
            case Tiers(target, by, steps, cap):
                measure = value(by, self.facts, self.moment)
                reached = [step for step in steps if step[0] <= measure]
                if reached:
                    self.discount(max(reached, key=lambda step: step[0])[1], target, cap)
            case FixedPrice(target, price, cap):
                units = self.matching(target.where)
                self.off_each(lambda left: max(0, left - price.minor), units, cap)
            case BuyGet():
                self.buy_get(effect)
            case Bundle():
                self.bundle(effect)
            case SplitEffects(name, arms):
                for inner in arms[arm(name, [share for share, _, _ in arms])][2]:
                    self.apply(inner)
            case _:
                self.give(effect)

    def give(self, effect):
        match effect:
            case Gift():
                self.world.give(self.name, 0)
            case Award(points, None):
                self.world.give(self.name, points)
            case Award(points, per, of):
                multiples = value(of, self.facts, self.moment) // per
                if multiples > 0:
                    self.world.give(self.name, points * multiples)


def arm(name, shares):
    """The arm of a split that user u1 is in, by the hash that the language tells of."""
    fraction = int.from_bytes(sha256(f"u1:{name}".encode()).digest()[:8], "big") / 2**64
    edges = [float(sum(shares[: at + 1])) for at in range(len(shares))]
    return next(at for at, edge in enumerate(edges) if fraction * 100 < edge)


def combinations(candidates):
    plain = [p for p in candidates if not p.exclusive and not p.best_of]
    groups = {}
    for promotion in candidates:
        if promotion.best_of and not promotion.exclusive:
            groups.setdefault(promotion.best_of, []).append(promotion)
    if plain or groups:
        for chosen in product(*groups.values()):
            yield [*plain, *chosen]
    exclusives = [[p] for p in candidates if p.exclusive]
    yield from exclusives
    if not (plain or groups or exclusives):
        yield []


def applied(request, combination):
    world = World(request)
    for promotion in sorted(combination, key=lambda p: (-p.priority, p.name)):
        group = promotion.first_of
        if group and any(p.first_of == group for p in world.names):
            continue
        before = ([(u.left, dict(u.taken)) for u in world.units], world.shipping, dict(world.saved))
        turn = Turn(world, promotion)
        when = promotion.when
        if when is not None and not holds(when, turn.facts, turn.moment):
            continue
        for effect in promotion.effects:
            turn.apply(effect)
        for unit in world.units:
            unit.used = False
        budgets = []
        if promotion.budget:
            budgets.append((promotion.budget.minor, [promotion]))
        if promotion.campaign:
            campaign = request.moment.program.campaigns[promotion.campaign]
            others = [p for p in world.names if p.campaign == promotion.campaign]
            budgets.append((campaign.budget.minor, [promotion, *others]))
        saved = world.saved.get(promotion.name, 0)
        spent = [(most, sum(world.saved.get(p.name, 0) for p in who)) for most, who in budgets]
        if saved and any(money > most for most, money in spent):
            for unit, (money, taken) in zip(world.units, before[0], strict=True):
                unit.left, unit.taken = money, taken
            world.shipping, world.saved = before[1], before[2]
            world.gave.pop(promotion.name, None)
            continue
        world.names.append(promotion)
    return world


def cheapest(request, promotions):
    """The combination for the customer, out of every one there is."""

    def rank(world):
        did = [p for p in world.names if world.saved.get(p.name) or p.name in world.gave]
        priorities = sum(p.priority for p in did)
        names = sorted(p.name for p in world.names)
        return -sum(world.saved.values()), not names, -priorities, names

    return min((applied(request, each) for each in combinations(promotions)), key=rank)
