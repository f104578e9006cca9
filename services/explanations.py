"""Explaining rules: why they are for someone, or what it would take."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import dsl
from dsl.core import Last
from dsl.triggers import OnEvent, Trigger
from engine.explaining import Account, Situation, account_of
from engine.needs import Need
from engine.playbook import playbook_of
from engine.pricing.reading import read_cart
from engine.pricing.reserved import apart
from models.cart import Cart
from models.errors import DomainError, Invalid, NotFound
from models.store import Stores
from services import drafts, facts, products
from services.reserving import reserved_in
from services.rulebook import Published, Rulebook

LOOK_BACK = 90  # days, for the event that would have started a trigger


@dataclass(frozen=True, slots=True)
class Question:
    """What to explain. Without `source` it is what is live; with it, the text, which may use that.

    The live text of the campaign that the text is to replace is left out.
    """

    name: str
    source: str | None = None
    campaign_id: str | None = None
    user_id: str | None = None
    cart: Mapping[str, Any] | None = None


async def explain(
    question: Question, *, stores: Stores, rulebook: Rulebook, now: datetime
) -> tuple[Account, str]:
    """Give an account of a segment, promotion or trigger; also the currency that it is told in.

    Earlier uses are not looked at. Raises Invalid, naming the place, NotFound, RulesRefused, or
    Conflict for a claim that cannot be ordered.
    """
    situation = await situate(question, stores=stores, rulebook=rulebook, now=now)
    account = await asyncio.to_thread(account_of, question.name, situation)
    return account, situation.cart.currency if situation.cart else situation.program.currency


async def situate(
    question: Question, *, stores: Stores, rulebook: Rulebook, now: datetime
) -> Situation:
    """Return all that an account needs to know. Raises as `explain` does."""
    published = await _published(question, stores, rulebook)
    program = published.program
    cart = (
        None
        if question.cart is None
        else await _cart(question.cart, question.user_id, published, stores)
    )
    known: Mapping[str, Any] = {}
    if question.user_id is not None:
        needs = playbook_of(program).all_needs | _starting(
            program.triggers.get(question.name), program
        )
        # An account asks more of events than rules do, and measures do not have them.
        without = replace(published, measures=frozenset())
        people = await facts.load([question.user_id], without, stores=stores, now=now, needs=needs)
        if question.user_id not in people:
            raise NotFound("There is no such person.", field=("userId",))
        known = people[question.user_id]
    paused = frozenset(
        name for name, campaign in published.campaign_of.items() if campaign in published.paused
    )
    moment = dsl.Moment(now, program.zone, program)
    return Situation(moment, known, cart, paused=paused)


def _starting(trigger: Trigger | None, program: dsl.Program) -> frozenset[Need]:
    """Return what is to be known of the event that starts a trigger: the latest is looked at."""
    if trigger is None or not isinstance(trigger.start, OnEvent):
        return frozenset()
    fields = frozenset(name for name, _ in program.events[trigger.start.event].fields)
    return frozenset({Need(trigger.start.event, Last(LOOK_BACK, "day"), fields)})


async def _published(question: Question, stores: Stores, rulebook: Rulebook) -> Published:
    if question.source is None:
        return await rulebook.current()
    program = await drafts.program_of(
        question.source, stores=stores, campaign_id=question.campaign_id
    )
    return Published(program=program)


async def _cart(
    document: Mapping[str, Any], buyer: str | None, published: Published, stores: Stores
) -> Cart:
    """Return the cart as a quote would price it."""
    try:
        sent = read_cart(document, published.program)
    except DomainError as error:
        raise Invalid(error.message, field=("cart", *error.field)) from error
    known = await products.with_known_facts(sent, published.program, stores=stores)
    reserved = await reserved_in(sent, buyer, order=None, published=published, stores=stores)
    return apart(known, reserved)
