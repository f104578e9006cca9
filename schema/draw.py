"""Draws of lotteries in the API: everything that it takes to check them."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Self

import strawberry

from engine.draws import Step
from models import draw as models
from models.draw import DrawState
from schema.enums import describe
from schema.external import EXTERNAL_ID
from schema.ids import to_global
from schema.node import Node
from schema.payloads import Payload
from schema.scalars import JSON

describe(
    DrawState,
    "How far a draw has come.",
    OPEN="It takes entries.",
    CLOSING="It takes no more entries; those that were in time are being applied.",
    CLOSED="Its tickets are published, and it waits for its time or its beacon.",
    DRAWN="Its winners are known.",
)


@strawberry.type(description="Something to win.")
class Prize:
    title: str = strawberry.field(description="What it is.")
    quantity: int = strawberry.field(description="How many there are.")
    winners: list[str] = strawberry.field(description="The tickets that won it.")


@strawberry.type(description="A lottery's draw. Anyone can compute it again from `record`.")
class Draw(Node):
    lottery: str = strawberry.field(description="The lottery's name in the rules.")
    title: str | None = strawberry.field(description="What people call it.")
    state: DrawState = strawberry.field(description="How far it has come.")
    closes_at: datetime = strawberry.field(description="No entry is taken from then on.")
    due_at: datetime = strawberry.field(description="When winners are drawn.")
    commitment: str = strawberry.field(
        description="The hash that binds the draw to its secret, its prizes and its time."
    )
    operator_trusted: bool = strawberry.field(
        description="Whether the operator could have known the outcome while choosing tickets: "
        "without a public beacon, or where the tickets were published only after it had spoken."
    )
    waiting: str | None = strawberry.field(
        description="Why it has not been drawn although it is time; it will be as soon as it can."
    )
    entries: int | None = strawberry.field(description="How many take part, once it has closed.")
    root: str | None = strawberry.field(description="Of the tree of tickets, once it has closed.")
    prizes: list[Prize] = strawberry.field(description="What there is to win, and who won it.")

    @classmethod
    def of(cls, draw: models.Draw) -> Self:
        """Show a draw."""
        return cls(
            id=strawberry.ID(to_global("Draw", draw.id)),
            lottery=draw.name,
            title=draw.title,
            state=draw.state,
            closes_at=draw.closes_at,
            due_at=draw.draw_at,
            commitment=draw.commitment,
            operator_trusted=draw.is_operator_trusted,
            waiting=draw.waiting,
            entries=None if draw.root is None else draw.entries,
            root=draw.root,
            prizes=[
                Prize(
                    title=prize.title,
                    quantity=prize.quantity,
                    winners=[won.ticket for won in draw.winners if won.prize == place],
                )
                for place, prize in enumerate(draw.prizes)
            ],
        )


@strawberry.type(description="All that is public of a draw, for `fanfare verify-draw`.")
class DrawRecord:
    record: JSON = strawberry.field(
        description="Promise, commitment, root, tickets in order, secret, beacon, winners."
    )
    problems: list[str] = strawberry.field(
        description="What does not agree when it is computed again; empty if all does."
    )

    @classmethod
    def of(cls, record: Mapping[str, Any], problems: Sequence[str]) -> Self:
        """Show a record."""
        return cls(record=JSON(dict(record)), problems=list(problems))


@strawberry.type(description="A neighbour on the way from a ticket to the tree's root.")
class ProofStep:
    hash: str = strawberry.field(description="The neighbour's hash.")
    is_left: bool = strawberry.field(description="Whether it stands to the left.")


@strawberry.type(description="What shows that a ticket is one's own, and that it took part.")
class Receipt:
    ticket: str = strawberry.field(
        description="SHA-256 of the draw's id, the user's, the source and the nonce, one to a line."
    )
    source: str = strawberry.field(
        description="The event that entered the user, or `points:` and the key they bought it by."
    )
    nonce: str = strawberry.field(description="Known to the entrant alone.")
    entered_at: datetime = strawberry.field(description="When.")
    prize: str | None = strawberry.field(description="What it has won.")
    proof: list[ProofStep] = strawberry.field(
        description="From the ticket up to the root; empty until the draw has closed."
    )

    @classmethod
    def of(cls, entry: models.Entry, prize: str | None, proof: Sequence[Step]) -> Self:
        """Show someone's entry to them."""
        return cls(
            ticket=entry.ticket,
            source=entry.source,
            nonce=entry.nonce,
            entered_at=entry.at,
            prize=prize,
            proof=[ProofStep(hash=step.hash, is_left=step.is_left) for step in proof],
        )


@strawberry.input(description="In which lottery to buy an entry, and for whom.")
class BuyDrawEntryInput:
    lottery: str = strawberry.field(description="The lottery's name in the rules.")
    idempotency_key: str = strawberry.field(
        description="Made by the caller; the same key again is answered with the same entry."
    )
    user_id: strawberry.ID | None = strawberry.field(
        default=None, description="For integrators: whom for. Customers buy for themselves."
    )
    external_id: str | None = strawberry.field(default=None, description=EXTERNAL_ID)


@strawberry.type(
    description="The entry bought. Refusals: NOT_ENOUGH_POINTS, LIMIT_REACHED, NOT_FOR_SALE, "
    "NOT_ACTIVE, PAUSED, BUSY."
)
class BuyDrawEntryPayload(Payload):
    receipt: Receipt | None = strawberry.field(default=None, description="What shows the entry.")
    points_left: int | None = strawberry.field(
        default=None, description="How many points the buyer can still spend."
    )
