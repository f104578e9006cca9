"""Builds the clauses of declarations out of what the grammar's rules matched."""

from dsl import nodes
from dsl.parser.expressions import Children, cover, name, number, only, optional_name
from dsl.parser.tokens import Token


class SharedClauses:
    def active(self, c: Children) -> nodes.Active:
        return nodes.Active(c[2], c[3], c[4], span=cover(c))

    def until(self, c: Children) -> nodes.Date | nodes.Timestamp:
        moment: nodes.Date | nodes.Timestamp = c[1]
        return moment

    def active_every(self, c: Children) -> nodes.ActiveEvery:
        weekday = None if c[2].text == "day" else c[2].text
        return nodes.ActiveEvery(weekday, c[3], c[5], c[6], span=cover(c))

    def zone(self, c: Children) -> nodes.Text:
        text: nodes.Text = c[1]
        return text

    def audience(self, c: Children) -> nodes.Audience:
        return nodes.Audience(c[1], span=cover(c))

    def limit_per_user(self, c: Children) -> nodes.Limit:
        return nodes.Limit(number(c[1]), "user", c[4], span=cover(c))

    def per_duration(self, c: Children) -> nodes.Duration:
        duration: nodes.Duration = c[1]
        return duration

    def limit_total(self, c: Children) -> nodes.Limit:
        return nodes.Limit(number(c[1]), "total", span=cover(c))

    def budget(self, c: Children) -> nodes.Budget:
        return nodes.Budget(c[1], span=cover(c))

    def priority(self, c: Children) -> nodes.Priority:
        return nodes.Priority(number(c[2]), c[1] is not None, span=cover(c))

    def holdout(self, c: Children) -> nodes.Holdout:
        return nodes.Holdout(c[1], span=cover(c))

    def event_match(self, c: Children) -> nodes.EventMatch:
        return nodes.EventMatch(name(c[0]), c[1], span=cover(c))

    def goal(self, c: Children) -> nodes.Goal:
        return nodes.Goal(c[1], c[2], span=cover(c))

    def within(self, c: Children) -> nodes.Duration:
        return self.per_duration(c)

    def points(self, c: Children) -> Token:
        token: Token = c[0]
        return token

    def items(self, c: Children) -> Token:
        return self.points(c)


class PromotionClauses:
    def code(self, c: Children) -> nodes.Code:
        return nodes.Code(c[1], span=cover(c))

    def unique_codes(self, c: Children) -> nodes.UniqueCodes:
        return nodes.UniqueCodes(span=cover(c))

    def when(self, c: Children) -> nodes.When:
        return nodes.When(c[1], span=cover(c))

    def exclusive(self, c: Children) -> nodes.Exclusive:
        return nodes.Exclusive(span=cover(c))

    def best_of(self, c: Children) -> nodes.BestOf:
        return nodes.BestOf(name(c[2]), span=cover(c))

    def first_of(self, c: Children) -> nodes.FirstOf:
        return nodes.FirstOf(name(c[2]), span=cover(c))

    # --- effects ---------------------------------------------------------------------------------

    def target_cart(self, c: Children) -> nodes.Target:
        return nodes.Target("cart", span=cover(c))

    def target_shipping(self, c: Children) -> nodes.Target:
        return nodes.Target("shipping", span=cover(c))

    def target_items(self, c: Children) -> nodes.Target:
        return nodes.Target("items", c[1], span=cover(c))

    def target_each(self, c: Children) -> nodes.Target:
        return nodes.Target("each", c[2], span=cover(c))

    def target_some(self, c: Children) -> nodes.Target:
        return nodes.Target(c[0].text, c[3], number(c[1]), span=cover(c))

    def cap(self, c: Children) -> nodes.Money:
        money: nodes.Money = c[2]
        return money

    def take(self, c: Children) -> nodes.Take:
        return nodes.Take(c[1], c[3], c[4], span=cover(c))

    def take_tiers(self, c: Children) -> nodes.TakeTiers:
        steps = only(nodes.TierStep, c)
        return nodes.TakeTiers(c[2], c[4], steps, c[-1], span=cover(c))

    def tier_step(self, c: Children) -> nodes.TierStep:
        return nodes.TierStep(c[1], c[3], span=cover(c))

    def free_shipping(self, c: Children) -> nodes.FreeShipping:
        return nodes.FreeShipping(c[2], span=cover(c))

    def fixed_price(self, c: Children) -> nodes.FixedPrice:
        span = c[1].span if c[2] is None else c[1].span.to(c[2].span)
        return nodes.FixedPrice(nodes.Target("items", c[2], span=span), c[4], c[5], span=cover(c))

    def free(self, c: Children) -> nodes.Free:
        return nodes.Free(span=c[0].span)

    def at_percent(self, c: Children) -> nodes.Percent:
        percent: nodes.Percent = c[1]
        return percent

    def for_money(self, c: Children) -> nodes.Money:
        money: nodes.Money = c[1]
        return money

    def at_most(self, c: Children) -> nodes.Number:
        return number(c[2])

    def buy_get(self, c: Children) -> nodes.BuyGet:
        _, buy, _, buy_where, _, get, dearest, _, get_where, reward, times, cap = c
        return nodes.BuyGet(
            number(buy),
            buy_where,
            number(get),
            get_where,
            dearest is not None,
            reward,
            times,
            cap,
            span=cover(c),
        )

    def bundle(self, c: Children) -> nodes.Bundle:
        *_, price, times, cap = c
        return nodes.Bundle(only(nodes.BundlePart, c), price, times, cap, span=cover(c))

    def bundle_part(self, c: Children) -> nodes.BundlePart:
        return nodes.BundlePart(number(c[0]), c[3], span=cover(c))

    def gift(self, c: Children) -> nodes.Gift:
        return nodes.Gift(c[2], c[3], span=cover(c))

    def quantity(self, c: Children) -> nodes.Number:
        return number(c[1])

    def award(self, c: Children) -> nodes.Award:
        return nodes.Award(number(c[1]), span=cover(c))

    def award_per(self, c: Children) -> nodes.Award:
        return nodes.Award(number(c[1]), c[4], c[6], span=cover(c))

    def grant(self, c: Children) -> nodes.Grant:
        return nodes.Grant(name(c[1]), span=cover(c))

    def grant_for(self, c: Children) -> nodes.Grant:
        return nodes.Grant(name(c[1]), c[3], span=cover(c))

    def split_effects(self, c: Children) -> nodes.SplitEffects:
        return nodes.SplitEffects(name(c[1]), only(nodes.EffectArm, c), span=cover(c))

    def effect_arm(self, c: Children) -> nodes.EffectArm:
        return nodes.EffectArm(c[0], name(c[1]), tuple(c[3:-1]), span=cover(c))


class OfferClauses:
    def earn_per(self, c: Children) -> nodes.EarnPer:
        return nodes.EarnPer(number(c[1]), c[4], c[6], c[7], span=cover(c))

    def earn_on(self, c: Children) -> nodes.EarnOn:
        return nodes.EarnOn(number(c[1]), c[4], span=cover(c))

    def tier(self, c: Children) -> nodes.Tier:
        return nodes.Tier(name(c[1]), number(c[3]), c[6], span=cover(c))

    def points_expire(self, c: Children) -> nodes.PointsExpire:
        return nodes.PointsExpire(c[3], span=cover(c))

    def redeem(self, c: Children) -> nodes.Redeem:
        return nodes.Redeem(number(c[1]), c[4], span=cover(c))

    def flash_sku(self, c: Children) -> nodes.FlashSku:
        return nodes.FlashSku(c[1], c[3], number(c[5]), span=cover(c))

    def hold(self, c: Children) -> nodes.Hold:
        return nodes.Hold(c[1], span=cover(c))

    def group_sku(self, c: Children) -> nodes.GroupSku:
        return nodes.GroupSku(c[1], c[3], number(c[5]), c[8], c[9], span=cover(c))

    def stock(self, c: Children) -> nodes.Number:
        return number(c[1])

    def enter_on(self, c: Children) -> nodes.EnterOn:
        return nodes.EnterOn(c[2], span=cover(c))

    def enter_for(self, c: Children) -> nodes.EnterFor:
        return nodes.EnterFor(number(c[2]), span=cover(c))

    def limit_entries(self, c: Children) -> nodes.LimitEntries:
        return nodes.LimitEntries(number(c[1]), span=cover(c))

    def draw_at(self, c: Children) -> nodes.DrawAt:
        return nodes.DrawAt(c[2], span=cover(c))

    def prize(self, c: Children) -> nodes.Prize:
        return nodes.Prize(c[1], number(c[3]), c[4], span=cover(c))

    def grants(self, c: Children) -> nodes.Name | None:
        return optional_name(c[1])
