"""The audit log. Each field is one call to a store."""

from typing import Annotated

import strawberry

from models.principal import Role
from resolvers.access import roles
from resolvers.paging import Paged
from schema.audit import AuditEntry
from schema.context import Info
from schema.ids import split_global
from schema.paging import Asked, Connection


@strawberry.type
class AuditQueries:
    @strawberry.field(
        description="Who changed what and when, the latest first. An entry is here within a "
        "second or two of its change.",
        extensions=[*roles(Role.ADMIN), Paged()],
    )
    async def audit_log(
        self,
        info: Info,
        asked: Asked,
        about: Annotated[
            strawberry.ID | None, strawberry.argument(description="Only what is about this thing.")
        ] = None,
    ) -> Connection[AuditEntry]:
        audit = info.context.stores.audit
        thing = None if about is None else ":".join(split_global(about))
        return Connection[AuditEntry].of(
            await audit.page(asked.window, about=thing),
            asked,
            node=AuditEntry.of,
            position=lambda link: (str(link.number),),
            count=lambda: audit.count(about=thing),
        )
