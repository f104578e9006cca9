"""Carts and quotes in the API."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from enum import Enum
from typing import Annotated, Any, Protocol, Self

import strawberry

from dsl.money import decimals
from models import quote as models
from models.errors import Invalid, NotFound
from models.quote import Why
from schema.enums import describe
from schema.external import EXTERNAL_ID
from schema.ids import from_global
from schema.payloads import Payload
from schema.scalars import JSON, Money

describe(
    Why,
    "Why a promotion did not apply.",
    name="NotAppliedCode",
    PAUSED="Its campaign is paused.",
    NOT_ACTIVE="It is not its time.",
    CURRENCY="The cart is in another currency than its amounts.",
    SIGN_IN="It is for those who have signed in.",
    CODE="It needs a code that was not given, or cannot be used.",
    LIMIT="It was used as often as it may be.",
    HOLDOUT="The buyer is held out from it, to measure what it does.",
    AUDIENCE="It is for others.",
    WHEN="What it asks of the cart is not so.",
    BUDGET="Its budget is spent.",
    OUTDONE="Others together save more, or win the tie.",
    NOTHING="It found nothing to take or to give.",
)


class PromotionStatus(Enum):
    APPLIED = "applied"
    NOT_APPLIED = "not_applied"


describe(
    PromotionStatus,
    "What became of a promotion.",
    APPLIED="It applied.",
    NOT_APPLIED="It did not, for a `reason`.",
)


@strawberry.input(description="Units of one thing.")
class CartLineInput:
    price: Decimal = strawberry.field(description="Of one unit, before promotions.")
    quantity: int = strawberry.field(default=1, description="How many units.")
    sku: str | None = strawberry.field(default=None, description="What it is.")
    name: str | None = strawberry.field(default=None, description="What people call it.")
    category: str | None = strawberry.field(default=None, description="What kind of thing it is.")
    brand: str | None = strawberry.field(default=None, description="Who makes it.")
    floor: Decimal | None = strawberry.field(
        default=None, description="Below this no promotion takes a unit's price."
    )
    claim: strawberry.ID | None = strawberry.field(
        default=None,
        description="The buyer's claim of a flash sale: one unit of the line costs what it is for.",
    )
    group: strawberry.ID | None = strawberry.field(
        default=None,
        description="The buyer's group of a group buy, complete: one unit costs what it is for.",
    )
    attributes: JSON | None = strawberry.field(
        default=None, description="An object of the attributes that the rules declare for items."
    )

    def document(self, place: int) -> dict[str, Any]:
        """Return the line as a cart's JSON has it. Raises NotFound and Invalid."""
        own = {
            name: getattr(self, name)
            for name in ("price", "quantity", "sku", "name", "category", "brand", "floor")
        }
        if self.claim is not None:
            own["@claim"] = _key("Claim", self.claim, place)
        if self.group is not None:
            own["@group"] = _key("Group", self.group, place)
        attributes: Any = {} if self.attributes is None else self.attributes
        if not isinstance(attributes, dict):
            raise Invalid(
                f"lines[{place}].attributes must be an object with named fields",
                field=("cart", "lines", str(place), "attributes"),
            )
        return {**{n: v for n, v in attributes.items() if not n.startswith("@")}, **own}


def _key(kind: str, id: str, place: int) -> str:
    """Return the key of what a line names: whatever it is not answers as what is not there."""
    try:
        return from_global(kind, id)
    except NotFound:
        name = kind.lower()
        raise NotFound(
            f"You have no such {name}.", field=("cart", "lines", str(place), name)
        ) from None


@strawberry.input(description="What someone is about to buy.")
class CartInput:
    currency: str = strawberry.field(description="The ISO 4217 code of all its amounts, as EUR.")
    lines: list[CartLineInput] = strawberry.field(description="At most 500.")
    shipping: Decimal | None = strawberry.field(default=None, description="What shipping costs.")
    codes: list[str] = strawberry.field(default_factory=list, description="The codes given.")

    def document(self) -> dict[str, Any]:
        """Return the cart as JSON has it. Raises NotFound and Invalid."""
        return {
            "currency": self.currency,
            "lines": [line.document(place) for place, line in enumerate(self.lines)],
            "shipping": self.shipping,
            "codes": self.codes,
        }


@strawberry.input(description="Whose cart to price, and under which rules.")
class QuoteCartInput:
    cart: CartInput = strawberry.field(description="The cart.")
    user_id: strawberry.ID | None = strawberry.field(
        default=None,
        description="The buyer; a customer is always their own. Else nobody signed in.",
    )
    external_id: str | None = strawberry.field(default=None, description=EXTERNAL_ID)
    redeem_points: int = strawberry.field(
        default=0, description="How many of the buyer's points to redeem in place of money."
    )
    source: str | None = strawberry.field(
        default=None, description="For staff: rules to try in place of those that are live."
    )
    with_published: bool = strawberry.field(
        default=False, description="Try `source` together with the rules that are live."
    )
    campaign_id: strawberry.ID | None = strawberry.field(
        default=None, description="The campaign whose live rules `source` is to replace."
    )
    at: datetime | None = strawberry.field(
        default=None, description="For staff: another time than now."
    )


@strawberry.type(description="What a promotion took.")
class Taken:
    promotion: str = strawberry.field(description="Its name.")
    amount: Money = strawberry.field(description="How much.")


@strawberry.type(description="What a line costs.")
class QuoteLine:
    sku: str = strawberry.field(description="As in the cart.")
    quantity: int = strawberry.field(description="As in the cart.")
    subtotal: Money = strawberry.field(description="Before promotions.")
    discount: Money = strawberry.field(description="What promotions took.")
    total: Money = strawberry.field(description="What is left to pay.")
    applied: list[Taken] = strawberry.field(description="Which promotion took how much.")


@strawberry.type(description="What shipping costs.")
class QuoteShipping:
    price: Money = strawberry.field(description="Before promotions.")
    discount: Money = strawberry.field(description="What promotions took.")
    applied: list[Taken] = strawberry.field(description="Which promotion took how much.")


@strawberry.type(description="The smallest change that would let a promotion apply.")
class Unlock:
    path: str = strawberry.field(description="What to change, as `cart.subtotal`.")
    to: JSON | None = strawberry.field(description="What it must become.")
    by: JSON | None = strawberry.field(description="How far that is from here.")
    text: str = strawberry.field(description="The same for people, with what `also` must change.")
    also: list["Unlock"] = strawberry.field(
        description="What must change as well, where one change is not enough."
    )

    @classmethod
    def of(cls, unlock: models.Unlock) -> "Unlock":
        """Show a change."""
        text = unlock.text or f"{unlock.path} of {unlock.to}"
        also = [cls.of(each) for each in unlock.also]
        return cls(path=unlock.path, to=unlock.to, by=unlock.by, text=text, also=also)


@strawberry.type(description="Why a promotion did not apply.")
class NotAppliedReason:
    code: Why = strawberry.field(description="Stable and for programs.")
    clause: str = strawberry.field(description="The clause of the rule that stopped it.")
    values: JSON = strawberry.field(description="The facts that the clause saw, by name.")
    unlock: Unlock | None = strawberry.field(description="What would help, where that is known.")

    @classmethod
    def of(cls, reason: models.Reason) -> Self:
        """Show a reason."""
        return cls(
            code=reason.code,
            clause=reason.clause,
            values=JSON(dict(reason.values)),
            unlock=None if reason.unlock is None else Unlock.of(reason.unlock),
        )


@strawberry.type(description="What became of one promotion.")
class PromotionVerdict:
    name: str = strawberry.field(description="Unique in the workspace.")
    title: str | None = strawberry.field(description="For people.")
    status: PromotionStatus = strawberry.field(description="Whether it applied.")
    saved: Money = strawberry.field(description="What it took, off lines and shipping.")
    points: int = strawberry.field(description="The points that it awards with the order.")
    reason: NotAppliedReason | None = strawberry.field(description="Why it did not apply.")


@strawberry.type(description="Something that comes with the order.")
class Gift:
    promotion: str = strawberry.field(description="Who gives it.")
    sku: str = strawberry.field(description="What it is.")
    quantity: int = strawberry.field(description="How many.")


@strawberry.type(description="A code that the buyer gets with the order.")
class Grant:
    promotion: str = strawberry.field(description="The promotion that the code opens.")
    for_: str | None = strawberry.field(name="for", description="How long, as `14 days`.")


class Reasons(Protocol):
    """Tells why promotions did not apply."""

    async def near_misses(self) -> Sequence[models.Verdict]: ...

    async def why_not(
        self, names: Sequence[str] | None, first: int
    ) -> Sequence[models.Verdict]: ...


async def _promotions(root: strawberry.Parent["Quote"]) -> list[PromotionVerdict]:
    others = [] if root.why is None else await root.why.near_misses()
    show = _Shower(root.currency)
    return [show.verdict(verdict) for verdict in (*root.verdicts, *others)]


async def _why_not(
    root: strawberry.Parent["Quote"],
    promotions: Annotated[
        list[str] | None, strawberry.argument(description="Names, at most 100.")
    ] = None,
    first: Annotated[int, strawberry.argument(description="At most 100.")] = 20,
) -> list[PromotionVerdict]:
    found = [] if root.why is None else await root.why.why_not(promotions, first)
    show = _Shower(root.currency)
    return [show.verdict(verdict) for verdict in found]


@strawberry.type(description="What a cart costs, and who took how much.")
class Quote:
    currency: str = strawberry.field(description="The ISO 4217 code of all amounts.")
    subtotal: Money = strawberry.field(description="The lines before promotions.")
    total: Money = strawberry.field(description="What it costs after promotions, with shipping.")
    points_redeemed: int = strawberry.field(description="The points that pay a part of it.")
    points_value: Money = strawberry.field(description="What those are worth.")
    to_pay: Money = strawberry.field(description="What is left to pay in money.")
    shipping: QuoteShipping = strawberry.field(description="What shipping costs.")
    points: int = strawberry.field(description="What promotions award with the order.")
    lines: list[QuoteLine] = strawberry.field(description="In the order of the cart.")
    gifts: list[Gift] = strawberry.field(description="What comes with the order.")
    grants: list[Grant] = strawberry.field(description="What codes come with the order.")
    reduced: bool = strawberry.field(
        description="Whether there were too many combinations of promotions to try them all."
    )

    verdicts: strawberry.Private[Sequence[models.Verdict]]
    why: strawberry.Private[Reasons | None] = None

    promotions: list[PromotionVerdict] = strawberry.field(
        resolver=_promotions,
        description="Those that applied, those whose code was given, and near misses: up to 10"
        " that lost to others, took nothing, have run out or whose `when` lacks one change.",
    )
    why_not: list[PromotionVerdict] = strawberry.field(
        resolver=_why_not,
        description="Why promotions did not apply, as far as the caller may hear of them: these,"
        " or all, near misses first. Those that applied are left out. Of a placed order it is"
        " not known.",
    )

    @classmethod
    def of(cls, quote: models.Quote, why: Reasons | None = None) -> Self:
        """Show a quote; `why` tells of the promotions that did not apply."""
        show = _Shower(quote.currency)
        return cls(
            currency=quote.currency,
            subtotal=show.money(quote.subtotal),
            total=show.money(quote.total),
            points_redeemed=quote.redeemed,
            points_value=show.money(quote.worth),
            to_pay=show.money(quote.to_pay),
            shipping=show.shipping(quote.shipping),
            points=quote.points,
            lines=[show.line(line) for line in quote.lines],
            verdicts=quote.verdicts,
            why=why,
            gifts=[
                Gift(promotion=g.promotion, sku=g.sku, quantity=g.quantity) for g in quote.gifts
            ],
            grants=[Grant(promotion=grant.granted, for_=grant.lasts) for grant in quote.grants],
            reduced=quote.reduced,
        )


class _Shower:
    """Shows the parts of a quote in its currency."""

    def __init__(self, currency: str) -> None:
        self.currency = currency
        self._places = decimals(currency)

    def money(self, minor: int) -> Money:
        return Money(amount=Decimal(minor).scaleb(-self._places), currency=self.currency)

    def taken(self, cuts: Sequence[models.Taken]) -> list[Taken]:
        return [Taken(promotion=cut.promotion, amount=self.money(cut.amount)) for cut in cuts]

    def shipping(self, shipping: models.ShippingQuote) -> QuoteShipping:
        return QuoteShipping(
            price=self.money(shipping.price),
            discount=self.money(shipping.discount),
            applied=self.taken(shipping.applied),
        )

    def line(self, line: models.QuoteLine) -> QuoteLine:
        return QuoteLine(
            sku=line.sku,
            quantity=line.quantity,
            subtotal=self.money(line.subtotal),
            discount=self.money(line.discount),
            total=self.money(line.total),
            applied=self.taken(line.applied),
        )

    def verdict(self, verdict: models.Verdict) -> PromotionVerdict:
        status = PromotionStatus.APPLIED if verdict.applied else PromotionStatus.NOT_APPLIED
        return PromotionVerdict(
            name=verdict.name,
            title=verdict.title,
            status=status,
            saved=self.money(verdict.saved),
            points=verdict.points,
            reason=None if verdict.reason is None else NotAppliedReason.of(verdict.reason),
        )


@strawberry.type(description="A quote, or why there is none.")
class QuoteCartPayload(Payload):
    quote: Quote | None = strawberry.field(default=None, description="What the cart costs.")
