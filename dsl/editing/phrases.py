"""The words that begin declarations, clauses and steps: what each means, and an example."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Phrase:
    """`words` begin it. Of the phrases of one `slot` a declaration has one at most."""

    words: str
    means: str
    example: str
    slot: str = ""

    @property
    def insert(self) -> str:
        """What to write for it, ready to go on."""
        return self.words if self.words == self.example else f"{self.words} "


_ACTIVE = (
    Phrase(
        "active from",
        "from when on it applies, and until when",
        "active from 2026-03-01 to 2026-03-31",
        "active from",
    ),
    Phrase(
        "active every",
        "at which hours, of every day or of one weekday",
        "active every friday 17:00 to 19:00",
        "active every",
    ),
)
_BUDGET = Phrase("budget", "the most that it may cost altogether", "budget 20_000 USD", "budget")
_HOLDOUT = Phrase(
    "holdout", "the share of users who never get it, to compare with", "holdout 10%", "holdout"
)
_GOAL = Phrase(
    "goal",
    "the event that counts as its success",
    "goal order_placed within 7 days",
    "goal",
)
_PRIORITY = Phrase("priority", "higher comes first; without one it is 0", "priority 10", "priority")
_PER_USER = Phrase("limit", "how often per user, or in total", "limit 1 per user per 7 days")

_EFFECTS = (
    Phrase("take", "a discount: a share or an amount", 'take 15% off items where category = "TEA"'),
    Phrase(
        "take off",
        "a discount in tiers; the highest that is reached applies",
        "take off cart by cart.subtotal { from 50 USD: 5%  from 100 USD: 10% }",
    ),
    Phrase("free shipping", "nothing to pay for shipping", "free shipping", "free shipping"),
    Phrase(
        "price", "a fixed price per unit, never a raise", 'price items where sku = "A1" at 9.99 USD'
    ),
    Phrase(
        "buy",
        "more for less: repeats as often as the units allow",
        'buy 2 items where category = "TEA" get 1 item where category = "TEA" free',
    ),
    Phrase(
        "bundle",
        "units that cost less together",
        'bundle { 2 of items where category = "TEA"  1 of items } for 25 USD',
    ),
    Phrase("gift", "something for nothing", 'gift sku "SAMPLE"'),
    Phrase("award", "points", "award 2 points per 1 USD of cart.subtotal"),
    Phrase(
        "grant", "a code of another promotion, for this user alone", "grant welcome for 14 days"
    ),
    Phrase(
        "split",
        "an experiment: users fall into arms by a hash",
        "split size { 50% ten { take 10% off cart }  50% fifteen { take 15% off cart } }",
    ),
)

_STEPS = (
    Phrase("wait", "let time pass", "wait 2 hours unless order_placed"),
    Phrase(
        "wait until", "wait for the next such time, in the user's zone", "wait until monday 09:00"
    ),
    Phrase(
        "wait for",
        "wait for an event, up to some time",
        "wait for order_placed up to 3 days { award 100 points } else { stop }",
    ),
    Phrase(
        "send", "a message from a template", 'send email "cart-rescue" with { items: event.items }'
    ),
    Phrase("grant", "a code of a promotion, for this user alone", "grant welcome for 14 days"),
    Phrase("award", "points", "award 100 points"),
    Phrase("set", "change an attribute of the user", 'set user.favourite to "tea"'),
    Phrase("tag", "mark the user", 'tag "vip"'),
    Phrase("untag", "take a mark off the user", 'untag "vip"'),
    Phrase("call", "call a webhook", 'call "crm" with { id: user.id }'),
    Phrase("emit", "make an event happen", "emit reminded { step: 1 }"),
    Phrase("enter", "give the user an entry in a lottery", "enter lucky"),
    Phrase(
        "if", "go one way or the other", "if user.points > 100 { stop } else { award 10 points }"
    ),
    Phrase(
        "split",
        "an experiment: users fall into arms by a hash",
        'split last_call { 50% control { }  50% push { send push "last-call" } }',
    ),
    Phrase("stop", "the run ends here", "stop"),
)

PHRASES: Mapping[str, tuple[Phrase, ...]] = {
    "": (
        Phrase(
            "event",
            "what happens to users, and what is told of it",
            "event review_posted { sku: text  stars: number }",
        ),
        Phrase(
            "attributes user",
            "more facts about users",
            "attributes user { household_size: number }",
        ),
        Phrase(
            "attributes item",
            "more facts about the lines of a cart",
            "attributes item { on_sale: bool }",
        ),
        Phrase("list", "values under one name", 'list snacks ["CRISPS", "NUTS"]'),
        Phrase(
            "campaign",
            "what binds everything in this file",
            'campaign spring "Spring" { active from 2026-03-01 to 2026-03-31 }',
        ),
        Phrase(
            "segment",
            "a group of users: who is in it",
            "segment regulars { count(order_placed, last 90 days) >= 4 }",
        ),
        Phrase(
            "promotion",
            "what carts cost less, or bring",
            "promotion spring_ten { when cart.subtotal >= 50 USD  take 10% off cart }",
        ),
        Phrase(
            "trigger",
            "a journey: what starts it, and its steps",
            'trigger hello { on order_placed  then { send email "thanks" } }',
        ),
        Phrase(
            "loyalty",
            "how points are earned and spent",
            "loyalty club { earn 1 point per 1 USD of order_placed.total }",
        ),
        Phrase(
            "flash_sale",
            "a few units at a price, for a short time",
            'flash_sale midnight { sku "A100" at 99 USD stock 500 }',
        ),
        Phrase(
            "group_buy",
            "a price for people who buy together",
            'group_buy pack { sku "F200" at 79 USD for 3 people within 24 hours }',
        ),
        Phrase(
            "lottery",
            "entries, a draw and prizes",
            'lottery l { enter for 9 points  draw at 2026-04-01T12:00  prize "Cup" quantity 1 }',
        ),
        Phrase(
            "example",
            "a cart and what it must cost",
            'example "one off" { cart { 1 of { price: 4 USD } }  expect total 3 USD }',
        ),
    ),
    "campaign": (*_ACTIVE, _BUDGET, _HOLDOUT, _GOAL),
    "promotion": (
        *_ACTIVE,
        Phrase("for", "whom it is for", "for user in segment regulars", "for"),
        Phrase("when", "what must hold of the cart", "when cart.subtotal >= 50 USD", "when"),
        Phrase("code", "the code that the customer gives", 'code "SPRING15"', "code"),
        Phrase("codes unique", "it needs a code that works once", "codes unique", "code"),
        *_EFFECTS,
        _PER_USER,
        _BUDGET,
        _PRIORITY,
        Phrase("exclusive", "it goes with no other promotion", "exclusive", "company"),
        Phrase(
            "best of",
            "of this group only the best for the customer applies",
            "best of spring",
            "company",
        ),
        Phrase(
            "first of",
            "of this group only the one of the highest priority applies",
            "first of spring",
            "company",
        ),
        _HOLDOUT,
        _GOAL,
    ),
    "trigger": (
        Phrase("on", "an event starts it", "on cart_updated where total >= 20 USD", "start"),
        Phrase(
            "at",
            "a moment starts it, for everyone, once",
            "at 2026-03-01T09:00 in user timezone",
            "start",
        ),
        Phrase("every day at", "it starts daily", "every day at 09:00 in user timezone", "start"),
        Phrase("every week on", "it starts weekly", "every week on monday at 09:00", "start"),
        Phrase("every month on", "it starts monthly", "every month on 1 at 09:00", "start"),
        Phrase(
            "when user enters segment",
            "it starts for users who join a segment",
            "when user enters segment lapsed",
            "start",
        ),
        Phrase(
            "when user leaves segment",
            "it starts for users who leave a segment",
            "when user leaves segment regulars",
            "start",
        ),
        *_ACTIVE,
        Phrase("for", "whom it is for", "for user.consent.email = true", "for"),
        _PER_USER,
        Phrase(
            "quiet",
            "hours in which nothing is sent, in the user's zone",
            "quiet 22:00 to 08:00",
            "quiet",
        ),
        Phrase("pace", "how many start in which time", "pace 10_000 per hour", "pace"),
        Phrase("reenter", "what a start does while a run is under way", "reenter never", "reenter"),
        _HOLDOUT,
        _GOAL,
        _PRIORITY,
        Phrase("then", "the steps", 'then { send email "hello" }', "then"),
    ),
    "steps": _STEPS,
    "loyalty": (
        Phrase(
            "earn",
            "points for what is spent, or for an event",
            "earn 1 point per 1 USD of order_placed.total",
        ),
        Phrase("tier", "a rank that points earn", "tier silver at 500 points in 365 days"),
        Phrase(
            "points expire after", "how long points last", "points expire after 365 days", "expire"
        ),
        Phrase("redeem", "what points are worth", "redeem 100 points for 1 USD", "redeem"),
    ),
    "flash_sale": (
        *_ACTIVE,
        Phrase(
            "sku",
            "what is sold, at which price, how many of it",
            'sku "A100" at 99 USD stock 500',
            "sku",
        ),
        _PER_USER,
        Phrase("hold", "how long a claimed unit is kept", "hold 10 minutes", "hold"),
    ),
    "group_buy": (
        *_ACTIVE,
        Phrase(
            "sku",
            "what is sold, at which price, to how many",
            'sku "F200" at 79 USD for 3 people within 24 hours',
            "sku",
        ),
        _PER_USER,
    ),
    "lottery": (
        *_ACTIVE,
        Phrase(
            "enter on", "an event gives an entry", "enter on order_placed where total >= 30 USD"
        ),
        Phrase("enter for", "points buy an entry", "enter for 100 points"),
        Phrase("limit", "how many entries", "limit 3 entries per user", "limit"),
        Phrase("draw at", "when winners are drawn", "draw at 2026-04-01T12:00", "draw"),
        Phrase("prize", "what can be won", 'prize "Phone" quantity 1'),
    ),
    "example": (
        Phrase("cart", "what is bought", 'cart { 3 of { category: "TEA", price: 4 USD } }', "cart"),
        Phrase("user", "who buys", "user { household_size: 3 } in segment regulars", "user"),
        Phrase("at", "when", "at 2026-03-05T12:00", "at"),
        Phrase("expect", "what must come of it", "expect total 10 USD"),
    ),
    "cart": (
        Phrase("shipping", "what shipping costs", "shipping 4.90 USD", "shipping"),
        Phrase("code", "a code that is given", 'code "SPRING15"'),
    ),
    "tiers": (Phrase("from", "a tier: from how much on, how much off", "from 50 USD: 5%"),),
}


def owner_of(keyword: str, accepted: set[str]) -> str:
    """Return whose phrases come in braces of a declaration, by what the parser accepts there."""
    if {"WAIT", "SEND"} <= accepted:
        return "steps"
    if keyword == "example" and "EXPECT" not in accepted:
        return "cart"
    if keyword == "promotion" and "TAKE" not in accepted:
        return "tiers"
    return keyword
