"""Subscriptions carried out: each event once for all who ask the same of it with the same rights.

Every subscriber has a source of its own, and takes from it when it has got rid of what came before.
What an event comes to for a document, its variables and some rights is worked out for the first who
needs it and kept as text for the others, as long as there is room.
"""

import asyncio
from collections import OrderedDict
from collections.abc import AsyncGenerator, Hashable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Protocol, runtime_checkable

import orjson
import strawberry
from graphql import (
    ExecutionResult,
    GraphQLError,
    OperationType,
    create_source_event_stream,
    execute_subscription_event,
    get_operation_ast,
    located_error,
)
from graphql.language import (
    FieldNode,
    FragmentDefinitionNode,
    Node,
    VariableNode,
    Visitor,
    visit,
)

from schema.context import Context
from schema.documents import may_introspect, parsed, verdict
from schema.errors import log_faults, shown
from schema.execution import Execution
from schema.scalars import WRITING

ROOM = 16 * 1024 * 1024  # characters of answers that are kept


@runtime_checkable
class Shared(Protocol):
    """An event that shows the same to all who ask the same with the same rights."""

    def sameness(self) -> Hashable:
        """Return what tells it from the other events of its kind."""


@runtime_checkable
class Placed(Protocol):
    """An event after which a client can go on."""

    def resume_after(self) -> str:
        """Return its cursor."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What an event comes to, as JSON; `cursor` is there if a client can go on after it."""

    text: str
    cursor: str | None = None


@dataclass(frozen=True, slots=True)
class Asked:
    """An operation as a client sent it."""

    text: str
    variables: dict[str, Any] | None = None
    operation: str | None = None


@dataclass(frozen=True, slots=True)
class Refused(Exception):
    """A subscription that cannot begin, or has to end."""

    errors: Sequence[dict[str, Any]]


@dataclass(slots=True)
class Streams:
    """One per process."""

    schema: strawberry.Schema
    _kept: OrderedDict[Hashable, str] = field(default_factory=OrderedDict)
    _under_way: dict[Hashable, asyncio.Future[str]] = field(default_factory=dict)
    _size: int = 0
    executed: int = 0

    def is_sound(self, asked: Asked, context: Context) -> bool:
        """Whether it is a subscription that is in order; if not, others say what it is."""
        try:
            document = parsed(asked.text)
        except GraphQLError:
            return False
        operation = get_operation_ast(document, asked.operation)
        return (
            operation is not None
            and operation.operation is OperationType.SUBSCRIPTION
            and not verdict(
                self.schema._schema,
                asked.text,
                asked.operation,
                asked.variables,
                introspection=may_introspect(context),
            )
        )

    async def follow(self, asked: Asked, context: Context) -> AsyncGenerator[Answer, None]:
        """Yield answers for as long as there are any. Raises Refused."""
        executor = Execution.build(
            self.schema._schema,
            parsed(asked.text),
            context_value=context,
            raw_variable_values=asked.variables,
            operation_name=asked.operation,
        )
        if isinstance(executor, list):
            raise _refused(executor, context)
        assert isinstance(executor, Execution)
        source: Any = create_source_event_stream(executor)
        if executor.is_awaitable(source):
            source = await source
        if isinstance(source, ExecutionResult):
            raise _refused(source.errors or [], context)
        key = _key(asked, context)
        root = executor.operation.selection_set.selections[0]
        events: AsyncGenerator[Any, None] = aiter(source)
        async with aclosing(events):
            while True:
                try:
                    event = await anext(events)
                except StopAsyncIteration:
                    return
                except Exception as error:
                    raise _refused([located_error(error, [root], [_name(root)])], context) from None
                text = await self._answer(event, executor, key, context)
                yield Answer(text, event.resume_after() if isinstance(event, Placed) else None)

    async def _answer(
        self, event: Any, executor: Execution, asked: Hashable, context: Context
    ) -> str:
        if not isinstance(event, Shared):
            return (await self._execute(event, executor, context))[0]
        key = (asked, type(event), event.sameness())
        while True:
            if (kept := self._kept.get(key)) is not None:
                self._kept.move_to_end(key)
                return kept
            if (other := self._under_way.get(key)) is None:
                break
            await asyncio.wait([other])
        done = self._under_way[key] = asyncio.get_running_loop().create_future()
        try:
            answer, is_whole = await self._execute(event, executor, context)
            if is_whole:
                self._keep(key, answer)
            return answer
        finally:
            del self._under_way[key]
            done.cancel()

    def _keep(self, key: Hashable, answer: str) -> None:
        self._kept[key] = answer
        self._size += len(answer)
        while self._size > ROOM:
            _, oldest = self._kept.popitem(last=False)
            self._size -= len(oldest)

    async def _execute(self, event: Any, executor: Execution, context: Context) -> tuple[str, bool]:
        """Return the answer, and whether nothing went wrong."""
        self.executed += 1
        one: Any = executor.build_per_event_executor(event)
        one.plans = executor.plans
        result: Any = execute_subscription_event(one)
        if executor.is_awaitable(result):
            result = await result
        payload: dict[str, Any] = {"data": result.data}
        if result.errors:
            payload["errors"] = _shown(result.errors, context)
        return orjson.dumps(payload, option=WRITING).decode(), not result.errors


def _refused(errors: Sequence[GraphQLError], context: Context) -> Refused:
    return Refused(_shown(errors, context))


def _shown(errors: Sequence[GraphQLError], context: Context) -> list[dict[str, Any]]:
    log_faults(errors, context.request_id)
    seen = (shown(error, context.request_id, executing=True) for error in errors)
    return [dict(error.formatted) for error in seen]


def _name(node: Node) -> str:
    return node.name.value if isinstance(node, FieldNode) else ""


def _key(asked: Asked, context: Context) -> Hashable:
    """Return what decides on an event's answer. Where a subscriber began does not."""
    deep = _variables(asked.text, asked.operation)
    variables = {name: value for name, value in (asked.variables or {}).items() if name in deep}
    principal = context.principal
    return (
        asked.text,
        asked.operation,
        orjson.dumps(variables, option=orjson.OPT_SORT_KEYS),
        None if principal is None else (principal.roles, principal.scopes),
    )


@lru_cache(512)
def _variables(text: str, operation: str | None) -> frozenset[str]:
    """Return the variables that an event's answer may depend on.

    Those are not among them that are arguments of the subscription's own field: what they decide
    is which events there are.
    """
    document = parsed(text)
    found = get_operation_ast(document, operation)
    looker = _Looker()
    for definition in document.definitions:
        if isinstance(definition, FragmentDefinitionNode):
            visit(definition, looker)
    for selection in found.selection_set.selections if found else ():
        if not isinstance(selection, FieldNode):
            visit(selection, looker)
            continue
        for part in (selection.selection_set, *(selection.directives or ())):
            if part is not None:
                visit(part, looker)
    return frozenset(looker.names)


class _Looker(Visitor):
    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()

    def enter_variable(self, node: VariableNode, *_: Any) -> None:
        self.names.add(node.name.value)
