"""What every mutation's payload has: the refusals a client is expected to show."""

from typing import Self

import strawberry

from models.errors import DomainError


@strawberry.type(description="Why a mutation did not do what was asked.")
class UserError:
    code: str = strawberry.field(description="Stable and for programs, as CONFLICT.")
    field: list[str] | None = strawberry.field(
        description="The path of the input at fault, if one is."
    )
    message: str = strawberry.field(description="For people.")

    @classmethod
    def of(cls, error: DomainError) -> Self:
        """Show a refusal of the services."""
        return cls(
            code=error.code, field=list(error.field) if error.field else None, message=error.message
        )


@strawberry.type
class Payload:
    """Base of payloads. Their other fields must be nullable and default to null."""

    user_errors: list[UserError] = strawberry.field(
        default_factory=list,
        description="Why nothing was done; empty if it was.",
    )
