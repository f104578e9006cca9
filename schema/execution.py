"""How a document is carried out: resolvers by the general executor, plain fields by plans."""

from collections.abc import Mapping
from typing import Any

from graphql import (
    DocumentNode,
    GraphQLError,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLSchema,
    Undefined,
)
from graphql.execution import Executor
from graphql.execution.collect_fields import FieldDetailsList
from graphql.pyutils import AwaitableOrValue, Path
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext

from schema.plans import Nodes, Plans, plans_of, shown


class Execution(StrawberryGraphQLCoreExecutionContext):
    """Takes what is plain from the document's plans, and does all the rest as Strawberry does."""

    plans: Plans | None = None

    @classmethod
    def build(
        cls, schema: GraphQLSchema, document: DocumentNode, *args: Any, **kwargs: Any
    ) -> "list[GraphQLError] | Executor[Any]":
        """Prepare to carry out a document, or say why that cannot be."""
        built = super().build(schema, document, *args, **kwargs)
        if isinstance(built, cls) and not _has_middleware(built):
            built.plans = plans_of(document)
        return built

    def execute_field(
        self,
        parent_type: GraphQLObjectType,
        source: Any,
        field_details_list: FieldDetailsList,
        path: Path,
        position_context: Any,
    ) -> AwaitableOrValue[Any]:
        """Resolve a field of an object and show what it has returned."""
        if self.plans is not None:
            plan = self.plans.of_field(parent_type, field_details_list, self._collect)
            if plan is not None and (done := shown(plan, source)) is not Undefined:
                return done
        return super().execute_field(
            parent_type, source, field_details_list, path, position_context
        )

    def complete_value(
        self,
        return_type: GraphQLOutputType,
        field_details_list: FieldDetailsList,
        info: Any,
        path: Path,
        result: Any,
        position_context: Any,
    ) -> AwaitableOrValue[Any]:
        """Show what a field has returned."""
        if self.plans is not None:
            plan = self.plans.of_value(return_type, field_details_list, self._collect)
            if plan is not None and (done := shown(plan, result)) is not Undefined:
                return done
        return super().complete_value(
            return_type, field_details_list, info, path, result, position_context
        )

    def _collect(self, kind: GraphQLObjectType, nodes: Any) -> Mapping[str, Nodes]:
        return self.collect_subfields(kind, nodes).grouped_field_set


def _has_middleware(execution: Execution) -> bool:
    manager = execution.middleware_manager
    return manager is not None and bool(manager.middlewares)
