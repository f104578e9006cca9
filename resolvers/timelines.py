"""What happened to a person, and why something did not. Each field is one call to a service."""

from typing import Annotated

import strawberry

from models.timeline import ALL
from resolvers.access import staff
from resolvers.naming import ExternalId, somebody
from resolvers.paging import Paged
from schema.context import Info
from schema.explanation import RulesExplanation
from schema.paging import Asked, Connection
from schema.timeline import TimelineEntry, TimelineFilter, TimelineOrder
from services import timelines


@strawberry.type
class TimelineQueries:
    @strawberry.field(
        description="All that happened to a person and was done to them, newest first: events, "
        "journeys, messages sent and skipped, points; with why.",
        extensions=[*staff(), Paged(width=2, order=TimelineOrder)],
    )
    async def user_timeline(
        self,
        info: Info,
        asked: Asked,
        user_id: Annotated[
            strawberry.ID | None,
            strawberry.argument(description="Whose. This or `externalId` has to be given."),
        ] = None,
        external_id: ExternalId = None,
        filter: Annotated[
            TimelineFilter | None, strawberry.argument(description="Which entries.")
        ] = None,
    ) -> Connection[TimelineEntry] | None:
        stores = info.context.stores
        timeline = await timelines.of(
            await somebody(info.context, user_id, external_id),
            filter.which() if filter else ALL,
            stores=stores,
        )
        return Connection[TimelineEntry].of(
            await timeline.page(asked.window),
            asked,
            node=TimelineEntry.of,
            position=lambda entry: (entry.at.isoformat(), entry.id),
            count=timeline.count,
        )

    @strawberry.field(
        description="Why a live trigger does not start for a person, or its messages do not reach "
        "them: every clause that could be in the way, those of earlier runs, limits and consent "
        "among them, and the least that would turn it.",
        extensions=staff(),
    )
    async def why_not_sent(
        self,
        info: Info,
        trigger: Annotated[str, strawberry.argument(description="The trigger's name.")],
        user_id: Annotated[
            strawberry.ID | None,
            strawberry.argument(
                description="Who did not get it. This or `externalId` has to be given."
            ),
        ] = None,
        external_id: ExternalId = None,
    ) -> RulesExplanation | None:
        context = info.context
        account, currency = await timelines.why_not(
            await somebody(context, user_id, external_id),
            trigger,
            stores=context.stores,
            rulebook=context.rulebook,
            now=context.clock.now(),
            suppression=context.suppression,
        )
        return RulesExplanation.of(account, currency)
