"""Imports of files. Each field is one call to a service or store."""

from typing import Annotated

import strawberry

from models.api_key import Scope
from models.principal import Role
from resolvers.access import roles
from resolvers.nodes import found
from resolvers.paging import Paged
from schema.context import Info
from schema.ids import from_global
from schema.imports import CancelImportInput, CancelImportPayload, Import, RowError
from schema.paging import Asked, Connection
from services.importing import working


@strawberry.type
class ImportQueries:
    @strawberry.field(
        name="import",
        description="One import.",
        extensions=roles(Role.ADMIN, Role.INTEGRATOR, scope=Scope.IMPORTS),
    )
    async def one(
        self,
        info: Info,
        id: Annotated[strawberry.ID, strawberry.argument(description="Which one.")],
    ) -> Import | None:
        return await found(Import, id, info.context)

    @strawberry.field(
        description="Imports, the latest first.",
        extensions=[
            *roles(Role.ADMIN, Role.INTEGRATOR, scope=Scope.IMPORTS),
            Paged(width=2),
        ],
    )
    async def imports(
        self,
        info: Info,
        asked: Asked,
    ) -> Connection[Import]:
        store = info.context.stores.imports
        return Connection[Import].of(
            await store.page(asked.window),
            asked,
            node=Import.of,
            position=lambda job: (job.started_at.isoformat(), job.id),
            count=store.count,
        )

    @strawberry.field(
        description="The rows of an import that were refused, by their numbers; for thirty days. "
        "NOT_FOUND if there is no such import.",
        extensions=[*roles(Role.ADMIN, Role.INTEGRATOR, scope=Scope.IMPORTS), Paged()],
    )
    async def import_errors(
        self,
        info: Info,
        asked: Asked,
        id: Annotated[strawberry.ID, strawberry.argument(description="Which import.")],
    ) -> Connection[RowError]:
        store, key = info.context.stores.import_errors, from_global("Import", id, "id")
        page = await store.page(key, asked.window)
        if not page.items:
            await info.context.stores.imports.get(key)
        return Connection[RowError].of(
            page,
            asked,
            node=RowError.of,
            position=lambda error: (str(error.row),),
            count=lambda: store.count(key),
        )


@strawberry.type
class ImportMutations:
    @strawberry.mutation(
        description="End an import after the page that is being worked on. What was written stays. "
        "Safe to repeat.",
        extensions=roles(Role.ADMIN, Role.INTEGRATOR, scope=Scope.IMPORTS),
    )
    async def cancel_import(
        self,
        info: Info,
        input: Annotated[CancelImportInput, strawberry.argument(description="Which one.")],
    ) -> CancelImportPayload:
        context = info.context
        job = await working.cancel(
            from_global("Import", input.id, "id"), stores=context.stores, clock=context.clock
        )
        return CancelImportPayload(import_=Import.of(job))
