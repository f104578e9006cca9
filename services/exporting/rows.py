"""The rows of an export, a page at a time: the next is read when it is wanted.

Each page is a read of its own from where the last one ended, so that no cursor waits in the
database for a reader who takes an hour, or who is gone.
"""

from collections.abc import AsyncGenerator, Iterator, Sequence
from typing import Any, assert_never

from dsl.builtin import USER
from dsl.money import to_text
from dsl.program import Program
from models import order as orders
from models import user as users
from models.errors import Invalid, NotFound
from models.export import Export, ExportKind
from models.order import Order, OrderState
from models.paging import Sorting, Window
from models.store import Stores
from models.user import CONSENTS, User
from services.exporting.campaigns import OF_JOURNEYS, OF_REPORTS, journeys, reports
from services.exporting.said import Said

PAGE = 500

_PERSONAL = ("email", "name", "phone", "birthday")
_OF_ORDERS = (
    *("orderId", "user", "placedAt", "cancelledAt", "state", "currency", "total", "shipping"),
    *("refunded", "item.sku", "item.name", "item.category", "item.brand", "item.quantity"),
    *("item.discount", "item.amount"),
)


def columns(export: Export, program: Program) -> tuple[str, ...]:
    """Return what the columns are called: as in imports, where those have them."""
    match export.kind:
        case ExportKind.USERS:
            known = {name for name, _ in USER.fields}
            attributes = [f"attributes.{n}" for n, _ in program.user.fields if n not in known]
            return (
                *("id", "externalId", "createdAt", "locale", "timezone", "tags"),
                *(f"consent.{name}" for name in CONSENTS),
                *("points", "tier"),
                *((*_PERSONAL, *attributes) if export.personal else ()),
            )
        case ExportKind.MEMBERS:
            personal = ("email", "name") if export.personal else ()
            return ("id", "externalId", "since", "cause", *personal)
        case ExportKind.ORDERS:
            return _OF_ORDERS
        case ExportKind.JOURNEYS:
            return OF_JOURNEYS
        case ExportKind.REPORTS:
            return OF_REPORTS
        case _:
            assert_never(export.kind)


def pages(export: Export, stores: Stores) -> AsyncGenerator[Sequence[Said]]:
    """Yield the rows. Raises NotFound for a segment that is not live."""
    match export.kind:
        case ExportKind.USERS:
            return _users(export, stores)
        case ExportKind.MEMBERS:
            return _members(export, stores)
        case ExportKind.ORDERS:
            return _orders(export, stores)
        case ExportKind.JOURNEYS:
            return journeys(export, stores)
        case ExportKind.REPORTS:
            return reports(export, stores)
        case _:
            assert_never(export.kind)


async def _users(export: Export, stores: Stores) -> AsyncGenerator[Sequence[Said]]:
    which = users.Which(created=export.span)
    start: tuple[str, ...] | None = None
    while True:
        page = await stores.users.page(Window(PAGE, start, sorting=Sorting("id")), which)
        external = await stores.identities.external_of([user.id for user in page.items])
        yield [_user(user, external.get(user.id, []), export) for user in page.items]
        if not page.more:
            return
        start = (page.items[-1].id,)


def _user(user: User, external: Sequence[str], export: Export) -> Said:
    said: dict[str, Any] = {
        "id": user.id,
        "externalId": list(external),
        "createdAt": user.created_at,
        "locale": user.locale,
        "timezone": user.timezone,
        "tags": list(user.tags),
        **{f"consent.{name}": getattr(user.consent, name) for name in CONSENTS},
        "points": user.points,
        "tier": user.tier,
    }
    if export.personal:
        said |= {name: getattr(user, name) for name in _PERSONAL}
        said |= {f"attributes.{name}": value for name, value in user.attributes.items()}
    return said


async def _members(export: Export, stores: Stores) -> AsyncGenerator[Sequence[Said]]:
    if not export.segment:
        raise Invalid("Say which segment's: segment=NAME.", field=("segment",))
    number = (await stores.standings.get()).live.get(export.segment)
    if number is None:
        raise NotFound(f"There is no segment {export.segment[:100]!r} that is live.")
    start: tuple[str, ...] | None = None
    while True:
        page = await stores.memberships.page(export.segment, number, Window(PAGE, start))
        ids = [member.user_id for member in page.items]
        external = await stores.identities.external_of(ids)
        known = await stores.users.find_many(ids) if export.personal else {}
        rows = []
        for member in page.items:
            said = {
                "id": member.user_id,
                "externalId": external.get(member.user_id, []),
                "since": member.since,
                "cause": member.cause.kind.value,
            }
            if user := known.get(member.user_id):
                said |= {"email": user.email, "name": user.name}
            rows.append(said)
        yield rows
        if not page.more:
            return
        start = (ids[-1],)


async def _orders(export: Export, stores: Stores) -> AsyncGenerator[Sequence[Said]]:
    which = orders.Which(placed=export.span)
    window = Window(PAGE, sorting=Sorting("placed_at"))
    while True:
        page = await stores.orders.page(window, which)
        yield [line for order in page.items for line in _lines(order)]
        if not page.more:
            return
        last = page.items[-1]
        at = window.position(last.id, placed_at=last.placed_at)
        window = Window(PAGE, at, sorting=window.sorting)


def _lines(order: Order) -> Iterator[Said]:
    quote = order.quote
    whole = {
        "orderId": order.id,
        "user": order.user_id,
        "placedAt": order.placed_at,
        "cancelledAt": order.cancelled_at if order.state is OrderState.CANCELLED else None,
        "state": order.state.value,
        "currency": quote.currency,
        "total": to_text(quote.total, quote.currency),
        "shipping": to_text(quote.shipping.price - quote.shipping.discount, quote.currency),
        "refunded": to_text(order.refunded, quote.currency),
    }
    for line, item in zip(quote.lines, order.items, strict=True):
        yield {
            **whole,
            "item.sku": line.sku,
            **{f"item.{name}": value for name, value in item.items()},
            "item.quantity": line.quantity,
            "item.discount": to_text(line.discount, quote.currency),
            "item.amount": to_text(line.total, quote.currency),
        }
