"""The feed, and parts of it, to follow. Each field is one call to services.activity."""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import Annotated, TypeAlias

import strawberry

from models.api_key import Scope
from models.errors import Invalid
from models.principal import Role
from resolvers.access import roles, shop
from schema.activity import ActivityBatch, ActivityEntry, begin
from schema.context import Info
from services.activity import Wanted
from services.webhooks import patterns

MOST = 500
# What somebody at the shop should look at.
ALERTS = (
    "alert.*",
    "budget.exhausted",
    "draw.waiting",
    "limit.reached",
    "server.*",
    "stock.sold_out",
    "trigger.missed",
    "webhook.disabled",
    "webhook.missed",
)

After: TypeAlias = Annotated[
    str | None,
    strawberry.argument(description="A cursor; without one only news. Kept for 30 days."),
]


@strawberry.type
class FeedSubscriptions:
    @strawberry.subscription(
        description="The feed: everything after a cursor, then news as they come, nothing lost or "
        "doubled in between.",
        extensions=roles(Role.ADMIN, Role.INTEGRATOR, scope=Scope.FEED),
    )
    async def feed(
        self,
        info: Info,
        types: Annotated[
            list[str] | None,
            strawberry.argument(
                description="Only these, as `order.placed` or `order.*`; without them everything."
            ),
        ] = None,
        after: After = None,
        batch: Annotated[
            int,
            strawberry.argument(
                description="At most so many entries at once, up to 500. What there is comes at "
                "once, be it one."
            ),
        ] = 100,
    ) -> AsyncIterator[ActivityBatch]:
        if not 1 <= batch <= MOST:
            raise Invalid(f"A batch is 1 to {MOST} entries.", field=("batch",))
        wanted = Wanted() if types is None else Wanted(patterns(types, field="types"))
        pages = info.context.activity.pages(begin(info, after), wanted, most=batch)
        async with aclosing(pages):
            async for page in pages:
                yield ActivityBatch.of(page)

    @strawberry.subscription(
        description="Orders placed, returned and cancelled, with what is needed to keep a copy.",
        extensions=shop(Scope.ORDERS),
    )
    async def order_events(self, info: Info, after: After = None) -> AsyncIterator[ActivityEntry]:
        async with aclosing(_entries(info, after, Wanted(("order.*",)))) as entries:
            async for entry in entries:
                yield entry

    @strawberry.subscription(
        description="Who came into segments and who left, and what publications changed of them.",
        extensions=shop(Scope.FEED),
    )
    async def segment_changes(
        self,
        info: Info,
        segment: Annotated[
            str | None, strawberry.argument(description="Only this one, by its name in the rules.")
        ] = None,
        after: After = None,
    ) -> AsyncIterator[ActivityEntry]:
        async with aclosing(
            _entries(info, after, Wanted(("segment.*",), segment=segment))
        ) as entries:
            async for entry in entries:
                yield entry

    @strawberry.subscription(
        description="What somebody at the shop should look at: work that was set aside, budgets "
        "that are spent, limits that are reached, stock that is sold out, webhooks that were "
        "disabled or missed something, draws that wait for their beacon, times missed.",
        extensions=shop(Scope.FEED),
    )
    async def alerts(self, info: Info, after: After = None) -> AsyncIterator[ActivityEntry]:
        async with aclosing(_entries(info, after, Wanted(ALERTS))) as entries:
            async for entry in entries:
                yield entry


async def _entries(
    info: Info, after: str | None, wanted: Wanted
) -> AsyncGenerator[ActivityEntry, None]:
    following = info.context.activity.follow(begin(info, after), wanted)
    async with aclosing(following):
        async for numbered in following:
            yield ActivityEntry.of(numbered)
