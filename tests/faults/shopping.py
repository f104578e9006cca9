"""What a shop's front end asks over HTTP for things that run out, and never takes no for an answer.

An answer that did not come, or said 503, is asked for again under the same key, of any process.
"""

import asyncio
import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx2

from schema.ids import to_global

PLACE = """mutation ($input: PlaceOrderInput!) { placeOrder(input: $input) {
  order { id key quote { total { amount } promotions { name } } } quote { total { amount } }
  userErrors { code } } }"""
CLAIM = """mutation ($input: ClaimStockInput!) { claimStock(input: $input) {
  claim { id sku heldAt heldUntil } userErrors { code } } }"""
CONFIRM = """mutation ($input: ConfirmClaimInput!) { confirmClaim(input: $input) {
  claim { id state order } userErrors { code } } }"""
OPEN = """mutation ($input: OpenGroupInput!) { openGroup(input: $input) {
  group { id until } userErrors { code } } }"""
JOIN = """mutation ($input: JoinGroupInput!) { joinGroup(input: $input) {
  group { id until } userErrors { code } } }"""
INGEST = """mutation ($input: IngestEventsInput!) { ingestEvents(input: $input) {
  verdicts { id outcome } userErrors { code } } }"""


@dataclass
class Front:
    """Asks any of these addresses. `answers` is all that was acknowledged, by what was asked."""

    urls: Sequence[str]
    token: str
    http: httpx2.AsyncClient
    chance: random.Random
    answers: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = field(default_factory=dict)
    refusals: Counter[str] = field(default_factory=Counter)

    async def ask(self, what: str, query: str, asked: dict[str, Any]) -> dict[str, Any]:
        """Ask until there is an answer, and remember it under a name."""
        answer = await self.asked(query, asked)
        self.answers[what] = (query, asked, answer)
        return answer

    async def asked(self, query: str, asked: dict[str, Any]) -> dict[str, Any]:
        while True:
            try:
                response = await self.http.post(
                    self.chance.choice(self.urls) + "/graphql",
                    json={"query": query, "variables": {"input": asked}},
                    headers={"authorization": f"Bearer {self.token}"},
                )
            except httpx2.TransportError:
                self.refusals["no answer"] += 1
                await asyncio.sleep(0.05)
                continue
            if response.status_code == 200:
                body = response.json()
                assert "errors" not in body, body
                (payload,) = body["data"].values()
                codes = [error["code"] for error in payload["userErrors"]]
                if codes == ["BUSY"]:
                    continue
                return {**payload, "userErrors": codes}
            assert response.status_code == 503, response.text
            assert response.headers["retry-after"]
            self.refusals["503"] += 1
            await asyncio.sleep(0.1)

    async def order(self, key: str, user: str, codes: Sequence[str], total: str) -> None:
        """Place an order at the price that it has, whichever that is by then."""
        line = {"sku": "A", "price": "10.00", "quantity": 2}
        cart = {"currency": "USD", "lines": [line], "codes": list(codes)}
        wanted = {"key": key, "userId": _user(user), "cart": cart, "total": total}
        answer = await self.ask(f"order {key}", PLACE, wanted)
        while answer["order"] is None:
            if answer["userErrors"] == ["KEY_USED"]:
                # Placed at an earlier price, by a process that was killed before it could say so.
                wanted = {**wanted, "total": total}
            else:
                assert answer["userErrors"] == ["PRICE_CHANGED"]
                wanted = {**wanted, "total": answer["quote"]["total"]["amount"]}
            answer = await self.ask(f"order {key}", PLACE, wanted)

    async def claim(self, user: str, *, confirm: bool) -> None:
        """Claim a unit and perhaps buy it."""
        wanted = {"sale": "midnight", "idempotencyKey": "k", "userId": _user(user)}
        claim = (await self.ask(f"claim {user}", CLAIM, wanted))["claim"]
        if claim and confirm:
            sold = {"claimId": claim["id"], "order": f"claimed by {user}"}
            await self.ask(f"confirm {user}", CONFIRM, sold)

    async def group(self, number: int, joiners: Sequence[str]) -> None:
        """Open a group, and have more people join than it has places."""
        opened = {"groupBuy": "pack", "idempotencyKey": "k", "userId": _user(f"p{number}")}
        group = (await self.ask(f"open {number}", OPEN, opened))["group"]
        for user in joiners:
            joined = {"groupId": group["id"], "userId": _user(user)}
            await self.ask(f"join {number} {user}", JOIN, joined)

    async def visit(self, number: int, user: str) -> None:
        """Tell of something that enters its user in the lottery."""
        event = {"id": f"v{number}", "name": "visited", "user": user, "data": {"page": "home"}}
        await self.ask(f"visit {number}", INGEST, {"events": [event]})


def _user(user_id: str) -> str:
    return to_global("User", user_id)
