"""The audit log. Each field is one call to a store."""

from typing import Annotated

import strawberry

from models.principal import Role
from resolvers.access import roles
from schema.audit import AuditEntry
from schema.context import Info
from schema.ids import split_global
from schema.paging import Connection, window


@strawberry.type
class AuditQueries:
    @strawberry.field(
        description="Who changed what and when, the latest first. An entry is here within a "
        "second or two of its change.",
        extensions=roles(Role.ADMIN),
    )
    async def audit_log(
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
        about: Annotated[
            strawberry.ID | None, strawberry.argument(description="Only what is about this thing.")
        ] = None,
    ) -> Connection[AuditEntry]:
        audit = info.context.stores.audit
        thing = None if about is None else ":".join(split_global(about))
        page = window(first, after, last, before)
        return Connection[AuditEntry].of(
            await audit.page(page, about=thing),
            page,
            node=AuditEntry.of,
            position=lambda link: (str(link.number),),
            count=lambda: audit.count(about=thing),
        )
