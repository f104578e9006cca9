"""Who is asking: a person with roles, or nobody."""

from dataclasses import dataclass
from enum import StrEnum


class Role(StrEnum):
    ADMIN = "admin"
    MARKETER = "marketer"
    ANALYST = "analyst"
    INTEGRATOR = "integrator"
    CUSTOMER = "customer"


@dataclass(frozen=True, slots=True)
class Principal:
    """The signed-in caller of one request."""

    user_id: str
    roles: frozenset[Role]
    session_id: str
