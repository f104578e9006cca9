"""For whom and when an account is given."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from dsl import Moment, Program
from engine.pricing.request import cart_facts
from engine.pricing.usage import Usage
from models.cart import Cart


@dataclass(frozen=True, slots=True)
class Situation:
    """`facts` are those of a person; without `user` among them nobody is meant.

    Without `usage` nothing is known of earlier uses, and limits are left out. `paused` names the
    declarations of campaigns that are paused.
    """

    moment: Moment
    facts: Mapping[str, Any] = field(default_factory=dict)
    cart: Cart | None = None
    usage: Usage | None = None
    paused: frozenset[str] = frozenset()

    @property
    def program(self) -> Program:
        return self.moment.program

    @property
    def user_id(self) -> str:
        return str((self.facts.get("user") or {}).get("id", ""))

    @property
    def has_user(self) -> bool:
        return self.facts.get("user") is not None

    def seen(self) -> dict[str, Any]:
        """Return the facts as conditions see them: nothing is known of a cart there is not."""
        seen = {**self.facts, "user": self.facts.get("user") or {}}
        return seen if self.cart is None else {**seen, "cart": cart_facts(self.cart)}
