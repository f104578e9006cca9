"""A shop's back end that sends events over HTTP, and sends again what got no yes."""

import asyncio
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx2
import orjson

from schema.ids import to_global
from tests.faults.shopping import INGEST
from tests.shop import Shop

TOGETHER = 5  # events in a call


@dataclass
class Sender:
    """`answers` counts statuses, `took` is the seconds that each answer took, in the order given.

    Anything but yes, or 503 with a time to wait, fails the test.
    """

    urls: Sequence[str]
    token: str
    http: httpx2.AsyncClient
    acknowledged: set[str] = field(default_factory=set)
    answers: Counter[int] = field(default_factory=Counter)
    took: list[float] = field(default_factory=list)

    async def send_all(self, names: Sequence[str], *, pause: float) -> None:
        """Begin a call for the next few people after each pause; return when all have their yes."""
        async with asyncio.TaskGroup() as group:
            for place in range(0, len(names), TOGETHER):
                group.create_task(self.send(place, names[place : place + TOGETHER]))
                await asyncio.sleep(pause)

    async def send(self, place: int, names: Sequence[str]) -> None:
        """Send an event of each of these, by one way or the other, until it is taken."""
        events = [
            {"id": f"c{name}", "name": "cart_updated", "user": name, "data": {"total": "25"}}
            for name in names
        ]
        number = place // TOGETHER
        url = self.urls[number // 2 % len(self.urls)]
        while True:
            began = time.monotonic()
            answer = (
                await self._graphql(url, events) if number % 2 else await self._lines(url, events)
            )
            self.took.append(time.monotonic() - began)
            self.answers[answer.status_code] += 1
            if answer.status_code == 200:
                self.acknowledged |= {event["id"] for event in events}
                return
            assert answer.status_code == 503, answer.text
            assert answer.headers["retry-after"]
            await asyncio.sleep(0.5)

    async def _lines(self, url: str, events: Sequence[dict[str, Any]]) -> httpx2.Response:
        answer = await self.http.post(
            f"{url}/v1/events",
            content=b"\n".join(orjson.dumps(event) for event in events),
            headers=self._headers | {"content-type": "application/x-ndjson"},
        )
        if answer.status_code == 200:
            outcomes = [orjson.loads(line)["outcome"] for line in answer.content.splitlines()]
            assert {each.upper() for each in outcomes} <= {"ACCEPTED", "DUPLICATE"}
        return answer

    async def _graphql(self, url: str, events: Sequence[dict[str, Any]]) -> httpx2.Response:
        wanted = {"events": [{**each, "user": to_global("User", each["user"])} for each in events]}
        answer = await self.http.post(
            f"{url}/graphql",
            json={"query": INGEST, "variables": {"input": wanted}},
            headers=self._headers,
        )
        if answer.status_code == 200:
            body = answer.json()
            assert "errors" not in body, body
            verdicts = body["data"]["ingestEvents"]["verdicts"]
            assert {each["outcome"] for each in verdicts} <= {"ACCEPTED", "DUPLICATE"}
        return answer

    @property
    def _headers(self) -> dict[str, str]:
        return {"authorization": f"Bearer {self.token}"}


async def kept(shop: Shop, sender: Sender) -> None:
    """Check that each event that was acknowledged is there, once, and no other."""
    found = await shop.stores.events.documents.find({}, {"_id": 1}).to_list()
    assert {each["_id"].partition("|")[2] for each in found} == sender.acknowledged
    assert len(found) == len(sender.acknowledged)
