"""Who is asking: a person with roles, a system with a key, or nobody."""

from dataclasses import dataclass
from enum import StrEnum

from models.api_key import Scope


class Role(StrEnum):
    ADMIN = "admin"
    MARKETER = "marketer"
    ANALYST = "analyst"
    INTEGRATOR = "integrator"
    CUSTOMER = "customer"


@dataclass(frozen=True, slots=True)
class Principal:
    """The caller of one request. `scopes` bound what a key may do; a person's session has none.

    A key is an integrator that is no person: its `user_id` is nobody's, `session_id` its own.
    """

    user_id: str
    roles: frozenset[Role]
    session_id: str
    scopes: frozenset[Scope] | None = None

    @property
    def is_key(self) -> bool:
        return self.scopes is not None
