"""What is kept of someone. Each field is one call to a service."""

from typing import Annotated

import strawberry

from models.api_key import Scope
from models.audit import Actor
from resolvers.access import signed_in
from resolvers.naming import ExternalId, Whose, whose
from schema.context import Info
from schema.dossier import PersonExport, place_of
from services import dossiers


@strawberry.type
class DossierQueries:
    @strawberry.field(
        description="Everything that is kept of someone, page by page. For administrators, and "
        "for the person themself, with their password: that of others is null to them. "
        "`/v1/person` streams it.",
        extensions=signed_in(scope=Scope.PEOPLE),
    )
    async def export_person(
        self,
        info: Info,
        user_id: Whose = None,
        external_id: ExternalId = None,
        password: Annotated[
            str | None,
            strawberry.argument(
                description="The caller's own, where it is the caller who is asked for: with each "
                "page. Send it as a variable, by POST."
            ),
        ] = None,
        after: Annotated[
            str | None, strawberry.argument(description="Only what comes after this cursor.")
        ] = None,
    ) -> PersonExport | None:
        context = info.context
        caller, stores = context.caller, context.stores
        who = await whose(context, user_id, external_id)
        async with context.recorder.record("exportPerson", Actor.of(caller), [f"User:{who}"]):
            await dossiers.check(
                who,
                password=password,
                address=context.address,
                caller=caller,
                stores=stores,
                passwords=context.passwords,
                wall=context.clock.wall(),
            )
            found, place = await dossiers.page(who, after=place_of(after), stores=stores)
        return PersonExport.of(found, place)
