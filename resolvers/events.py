"""Events, messages and templates. Each field is one call to a service."""

from typing import Annotated

import strawberry

from models.api_key import Scope
from models.event import Outcome
from models.paging import EVER
from models.principal import Role
from resolvers.access import roles, staff
from resolvers.naming import ExternalId, named
from resolvers.paging import Paged
from schema.context import Info
from schema.event import (
    EventVerdict,
    IdentifyInput,
    IdentifyPayload,
    IngestEventsInput,
    IngestEventsPayload,
    RetryMessageInput,
    RetryMessagePayload,
    SentMessage,
    SentMessageFilter,
    SentMessageOrder,
    local_user,
)
from schema.ids import from_global
from schema.paging import Asked, Connection
from schema.user import User
from services import events, messages, visitors


@strawberry.type
class EventQueries:
    @strawberry.field(
        description="Messages that journeys sent or did not send, newest first.",
        extensions=[*staff(), Paged(width=2, order=SentMessageOrder)],
    )
    async def sent_messages(
        self,
        info: Info,
        asked: Asked,
        user_id: Annotated[
            strawberry.ID | None, strawberry.argument(description="Only those to this person.")
        ] = None,
        external_id: ExternalId = None,
        filter: Annotated[
            SentMessageFilter | None, strawberry.argument(description="Which messages.")
        ] = None,
    ) -> Connection[SentMessage]:
        stores = info.context.stores
        user = await named(info.context, user_id, external_id)
        created = filter.created() if filter else EVER
        return Connection[SentMessage].of(
            await stores.effects.messages(asked.window, user_id=user, created=created),
            asked,
            node=SentMessage.of,
            position=lambda effect: (effect.at.isoformat(), effect.id),
            count=lambda: stores.effects.count_messages(user_id=user, created=created),
        )


@strawberry.type
class EventMutations:
    @strawberry.mutation(
        description="Have a message, or a call of a webhook, that failed tried again.",
        extensions=roles(Role.ADMIN, Role.MARKETER),
    )
    async def retry_message(
        self,
        info: Info,
        input: Annotated[RetryMessageInput, strawberry.argument(description="Which message.")],
    ) -> RetryMessagePayload:
        context = info.context
        effect = await messages.retry(
            from_global("Message", input.id, "id"),
            stores=context.stores,
            jobs=context.jobs,
            wall=context.clock.wall(),
        )
        return RetryMessagePayload(message=SentMessage.of(effect))

    @strawberry.mutation(
        description="Take in what happened elsewhere. An event that cannot be taken does not keep "
        "out the others; one that was sent before is known by its source and id. When this "
        "answers, every accepted event is kept for good and will be acted upon.",
        extensions=roles(Role.ADMIN, Role.INTEGRATOR, scope=Scope.EVENTS),
    )
    async def ingest_events(
        self,
        info: Info,
        input: Annotated[IngestEventsInput, strawberry.argument(description="What happened.")],
    ) -> IngestEventsPayload:
        context = info.context
        verdicts = await events.receive(
            [event.incoming() for event in input.events],
            stores=context.stores,
            rulebook=context.rulebook,
            jobs=context.jobs,
            now=context.clock.now(),
        )
        return IngestEventsPayload(
            verdicts=[EventVerdict.of(verdict) for verdict in verdicts],
            accepted=sum(verdict.outcome is Outcome.ACCEPTED for verdict in verdicts),
        )

    @strawberry.mutation(
        description="Say who a visitor was. Their events, past and future, become the user's: they "
        "count from their own time, and journeys start on those that are at most a day old. Safe "
        "to repeat.",
        extensions=roles(Role.ADMIN, Role.INTEGRATOR, scope=Scope.EVENTS),
    )
    async def identify(
        self,
        info: Info,
        input: Annotated[IdentifyInput, strawberry.argument(description="Who was who.")],
    ) -> IdentifyPayload:
        context = info.context
        user, joined = await visitors.identify(
            input.anonymous_id,
            local_user(input.user),
            stores=context.stores,
            rulebook=context.rulebook,
            jobs=context.jobs,
            now=context.clock.now(),
        )
        return IdentifyPayload(user=User.of(user), joined=joined)
