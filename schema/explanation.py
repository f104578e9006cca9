"""Explanations of rules in the API: a tree as a flat list of its nodes."""

from datetime import datetime
from enum import Enum
from typing import Self

import strawberry

from dsl import Explanation
from engine.explaining import Account, Clause
from engine.explaining.writing import write_changes, write_values
from schema.enums import describe
from schema.external import EXTERNAL_ID
from schema.quote import CartInput
from schema.rules import DeclarationKind
from schema.scalars import JSON

MOST_NODES = 5_000


@strawberry.input(description="What to explain, for whom, with which cart, when.")
class ExplainRulesInput:
    name: str = strawberry.field(description="Of a segment, a promotion or a trigger.")
    source: str | None = strawberry.field(
        default=None,
        description="Rules that declare it; they may use what is live. Without them, what is live.",
    )
    campaign_id: strawberry.ID | None = strawberry.field(
        default=None, description="The campaign whose live text this is to replace."
    )
    user_id: strawberry.ID | None = strawberry.field(
        default=None, description="The person. Else nobody signed in."
    )
    external_id: str | None = strawberry.field(default=None, description=EXTERNAL_ID)
    cart: CartInput | None = strawberry.field(
        default=None, description="The cart. Else nothing is known of one."
    )
    at: datetime | None = strawberry.field(default=None, description="Another time than now.")


class ExplanationShape(Enum):
    CLAUSE = "clause"
    ALL = "all"
    ANY = "any"
    NOT = "not"
    SEGMENT = "segment"
    TEST = "test"


describe(
    ExplanationShape,
    "What a node of an explanation is.",
    CLAUSE="A clause of the declaration.",
    ALL="Holds if all its parts do.",
    ANY="Holds if one of its parts does.",
    NOT="Holds if its part does not.",
    SEGMENT="Being in a segment, or not.",
    TEST="A single test.",
)


@strawberry.type(description="One thing to change.")
class ExplanationChange:
    name: str = strawberry.field(description="What to change, as `cart.subtotal`.")
    to: JSON | None = strawberry.field(description="What it must become; null: it depends.")
    by: JSON | None = strawberry.field(
        description="How far: dates in days, times of day in minutes, instants in seconds."
    )
    text: str = strawberry.field(description="The same for people: `7.40 USD short`.")


@strawberry.type(description="One clause, condition or test of an explanation.")
class ExplanationNode:
    index: int = strawberry.field(description="Its place in the list.")
    parent: int | None = strawberry.field(description="The index of the node that it is a part of.")
    depth: int = strawberry.field(description="How deep it stands; clauses at 0.")
    shape: ExplanationShape = strawberry.field(description="What it is.")
    text: str = strawberry.field(description="What it says, in English.")
    holds: bool = strawberry.field(description="Whether that is so.")
    values: JSON = strawberry.field(description="The facts that it saw, by name.")
    missing: list[str] = strawberry.field(description="Those of them that are not known.")
    change: str | None = strawberry.field(description="What it lacks, or has to spare.")
    changes: list[ExplanationChange] | None = strawberry.field(
        description="The least that turns it, all needed together; null if that is not known."
    )


@strawberry.type(description="Why rules are for someone or are not.")
class RulesExplanation:
    kind: DeclarationKind = strawberry.field(description="What is explained.")
    name: str = strawberry.field(description="Its name.")
    title: str | None = strawberry.field(description="Its title, for people.")
    holds: bool = strawberry.field(
        description="Whether the person is in the segment, the promotion can apply, "
        "the trigger starts; limits aside."
    )
    nodes: list[ExplanationNode] = strawberry.field(
        description="Each part after what it is a part of; at most 5,000."
    )

    @classmethod
    def of(cls, account: Account, currency: str) -> Self:
        """Show an account, money in this currency where it names none."""
        return cls(
            kind=DeclarationKind(account.kind),
            name=account.name,
            title=account.title,
            holds=account.holds,
            nodes=_Flattener(currency).nodes_of(account),
        )


class _Flattener:
    """Lays a tree out as a list."""

    def __init__(self, currency: str) -> None:
        self._currency = currency
        self._nodes: list[ExplanationNode] = []

    def nodes_of(self, account: Account) -> list[ExplanationNode]:
        for clause in account.clauses:
            self._clause(clause)
        return self._nodes

    def _clause(self, clause: Clause) -> None:
        place = len(self._nodes)
        text = f"{clause.name}: {clause.text}" if clause.text else clause.name
        self._nodes.append(
            ExplanationNode(
                index=place,
                parent=None,
                depth=0,
                shape=ExplanationShape.CLAUSE,
                text=text,
                holds=clause.holds,
                values=JSON({}),
                missing=[],
                change=clause.change or None,
                changes=None if clause.tree is None else self._changes(clause.tree),
            )
        )
        if clause.tree is not None:
            self._tree(clause.tree, place, 1)

    def _tree(self, tree: Explanation, parent: int, depth: int) -> None:
        if len(self._nodes) >= MOST_NODES:
            return
        place = len(self._nodes)
        self._nodes.append(
            ExplanationNode(
                index=place,
                parent=parent,
                depth=depth,
                shape=ExplanationShape(tree.shape),
                text=tree.text,
                holds=tree.holds,
                values=JSON(write_values(tree, self._currency)),
                missing=list(tree.missing),
                change=tree.change or None,
                changes=self._changes(tree),
            )
        )
        for part in tree.parts:
            self._tree(part, place, depth + 1)

    def _changes(self, tree: Explanation) -> list[ExplanationChange] | None:
        found = write_changes(tree, self._currency)
        return None if found is None else [ExplanationChange(**change) for change in found]
