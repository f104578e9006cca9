"""What could not be done and was set aside. Each field is one call to a service or store."""

from typing import Annotated

import strawberry

from models.principal import Role
from resolvers.access import roles
from resolvers.paging import Paged
from schema.context import Info
from schema.ids import from_global
from schema.paging import Asked, Connection
from schema.set_aside import (
    EventSetAside,
    RedriveEventsInput,
    RedriveEventsPayload,
    RedriveLettersInput,
    RedriveLettersPayload,
)
from services import letters, suspects


@strawberry.type
class SetAsideQueries:
    @strawberry.field(
        description="Events that failed five times, or killed their worker five times, and hold up "
        "nobody any more; the latest first.",
        extensions=[*roles(Role.ADMIN), Paged(width=2)],
    )
    async def events_set_aside(
        self,
        info: Info,
        asked: Asked,
    ) -> Connection[EventSetAside]:
        events = info.context.stores.events
        return Connection[EventSetAside].of(
            await events.set_aside_page(asked.window),
            asked,
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
            [from_global("Event", each, "ids") for each in input.ids],
            stores=context.stores,
            jobs=context.jobs,
        )
        return RedriveEventsPayload(redriven=redriven)

    @strawberry.mutation(
        description="Have letters about accounts that were set aside, because their workers died, "
        "sent after all while they are good. Safe to repeat.",
        extensions=roles(Role.ADMIN),
    )
    async def redrive_letters(
        self,
        info: Info,
        input: Annotated[RedriveLettersInput, strawberry.argument(description="Which ones.")],
    ) -> RedriveLettersPayload:
        context = info.context
        redriven = await letters.redrive(
            input.letters,
            stores=context.stores,
            jobs=context.jobs,
            wall=context.clock.wall(),
        )
        return RedriveLettersPayload(redriven=redriven)
