"""Who may call what: every root field declares it, and nothing is allowed by default."""

from inspect import isawaitable
from typing import Any

import strawberry
from graphql import OperationType
from strawberry.extensions import FieldExtension
from strawberry.types.base import StrawberryOptional

from models.api_key import Scope
from models.audit import Actor
from models.errors import (
    DomainError,
    Forbidden,
    NotFound,
    RateLimited,
    Unauthenticated,
    Unavailable,
)
from models.principal import Principal, Role
from schema.concerned import hearing, named_in
from schema.context import Context
from schema.payloads import Payload, UserError

# These stop the whole request; everything else a mutation refuses is in its payload.
_FAULTS = (Unauthenticated, RateLimited, Unavailable)


class Access(FieldExtension):
    """Lets the named callers through, and turns what services refuse into what clients expect."""

    def __init__(
        self, roles: frozenset[Role], *, nobody: bool = False, scope: Scope | None = None
    ) -> None:
        self.roles = roles
        self.nobody = nobody
        self.scope = scope

    def allows(self, principal: Principal | None) -> bool:
        """Whether this caller may use the field at all. Keys may use what names their scope."""
        if self.nobody or principal is None:
            return self.nobody
        if principal.scopes is not None and self.scope not in principal.scopes:
            return False
        return bool(self.roles & principal.roles)

    # Positional only, for fields have arguments named `source`.
    async def resolve_async(  # type: ignore[override]
        self, next_: Any, source: Any, info: strawberry.Info[Context, None], /, **kwargs: Any
    ) -> Any:
        """Check the caller, then resolve; a refusal becomes userErrors, null or an error."""
        kind: Any = info.return_type
        try:
            if info.operation.operation is OperationType.MUTATION:
                return await self._change(next_, source, info, kwargs)
            self._admit(info.context.principal)
            result = next_(source, info, **kwargs)
            # A subscription's resolver returns an iterator, not an awaitable.
            return await result if isawaitable(result) else result
        except (*_FAULTS, _Denied):
            raise
        except DomainError as error:
            if isinstance(kind, type) and issubclass(kind, Payload):
                return _refused(kind, error)
            if isinstance(error, NotFound) and isinstance(kind, StrawberryOptional):
                return None
            raise

    async def _change(
        self, next_: Any, source: Any, info: strawberry.Info[Context, None], kwargs: Any
    ) -> Payload:
        """Resolve a mutation, which the audit log hears of; a refusal becomes userErrors."""
        context = info.context
        if context.principal is None:  # whoever has not signed in has changed nothing either
            self._admit(None)
        by, about = Actor.of(context.principal), named_in(kwargs.get("input"))
        try:
            async with context.recorder.record(info.field_name, by, about) as note:
                self._admit(context.principal)
                with hearing(note.concerns):
                    payload: Payload = await next_(source, info, **kwargs)
                note.concerns(named_in(payload))
                if payload.user_errors:
                    note.refused(payload.user_errors[0].code)
            return payload
        except (*_FAULTS, _Denied):
            raise
        except DomainError as error:
            kind: Any = info.return_type
            return _refused(kind, error)

    def _admit(self, principal: Principal | None) -> None:
        if not self.allows(principal):
            if principal is None:
                raise Unauthenticated("Sign in to do this.")
            raise _Denied(_refusal(principal, self.scope))


def _refused(kind: type[Payload], error: DomainError) -> Payload:
    return kind(user_errors=[UserError.of(part) for part in error.parts])


class _Denied(Forbidden):
    """The field is not for this caller, which is an error; what a service forbids is a refusal."""


def roles(*allowed: Role, scope: Scope | None = None) -> list[FieldExtension]:
    """Declare that the field is for people with any of these roles, and keys of this scope."""
    return [Access(frozenset(allowed), scope=scope)]


def signed_in(*, scope: Scope | None = None) -> list[FieldExtension]:
    """Declare that the field is for everyone who has signed in, and keys of this scope."""
    return [Access(frozenset(Role), scope=scope)]


def anyone() -> list[FieldExtension]:
    """Declare that the field is for everyone, signed in or not."""
    return [Access(frozenset(Role), nobody=True)]


def staff() -> list[FieldExtension]:
    """Declare that the field is for the shop's own people."""
    return roles(Role.ADMIN, Role.MARKETER, Role.ANALYST)


def shop(scope: Scope) -> list[FieldExtension]:
    """Declare that the field is for the shop's people, its programs, and keys with this scope."""
    return roles(Role.ADMIN, Role.MARKETER, Role.ANALYST, Role.INTEGRATOR, scope=scope)


def _refusal(principal: Principal, scope: Scope | None) -> str:
    if not principal.is_key:
        return "Your roles do not allow this."
    if scope is None:
        return "API keys are not for this; a person must sign in."
    return f"This API key lacks the scope {scope.value.upper()}."


def declared(field: Any) -> Access | None:
    """Return what a Strawberry field declares, or None if it was forgotten."""
    found = [extension for extension in field.extensions if isinstance(extension, Access)]
    return found[0] if len(found) == 1 else None
