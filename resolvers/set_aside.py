"""Events that could not be applied. Each field is one call to a service or store."""

from typing import Annotated

import strawberry

from models.principal import Role
from resolvers.access import roles
from schema.context import Info
from schema.ids import from_global
from schema.paging import Connection, window
from schema.set_aside import EventSetAside, RedriveEventsInput, RedriveEventsPayload
from services import suspects


@strawberry.type
class SetAsideQueries:
    @strawberry.field(
        description="Events that failed five times, or killed their worker five times, and hold up "
        "nobody any more; the latest first.",
        extensions=roles(Role.ADMIN),
    )
    async def events_set_aside(
        self,
        info: Info,
        first: Annotated[
            int | None, strawberry.argument(description="How many, from the start.")
        ] = None,
        after: Annotated[
            str | None, strawberry.argument(description="Only those after this cursor.")
        ] = None,
        last: Annotated[
            int | None, strawberry.argument(description="How many, from the end.")
        ] = None,
        before: Annotated[
            str | None, strawberry.argument(description="Only those before this cursor.")
        ] = None,
    ) -> Connection[EventSetAside]:
        events = info.context.stores.events
        page = window(first, after, last, before, width=2)
        return Connection[EventSetAside].of(
            await events.set_aside_page(page),
            page,
            node=lambda found: EventSetAside.of(*found),
            position=lambda found: (found[2].isoformat(), found[0].id),
            count=events.count_set_aside,
        )


@strawberry.type
class SetAsideMutations:
    @strawberry.mutation(
        description="Have events that were set aside applied after all: once what was wrong is "
        "put right. Safe to repeat.",
        extensions=roles(Role.ADMIN),
    )
    async def redrive_events(
        self,
        info: Info,
        input: Annotated[RedriveEventsInput, strawberry.argument(description="Which ones.")],
    ) -> RedriveEventsPayload:
        context = info.context
        redriven = await suspects.put_back(
            [from_global("Event", each) for each in input.ids],
            stores=context.stores,
            jobs=context.jobs,
        )
        return RedriveEventsPayload(redriven=redriven)
