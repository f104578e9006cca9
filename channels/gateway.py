"""Text messages and push notifications, by way of a gateway that takes JSON over HTTP."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any, TypeAlias

import orjson

from channels import Message, NotSent
from channels.web import Client, judge

Body: TypeAlias = Mapping[str, Any]


class Gateway:
    """One gateway for one channel. `body` says what it is told of a message.

    The gateway is asked to know a repeat by its id, which is the idempotency key, too.
    """

    def __init__(
        self, url: str, token: str, client: Client, body: Callable[[Message], Body]
    ) -> None:
        self._url = url
        self._headers = {"content-type": "application/json", "user-agent": "Fanfare"}
        if token:
            self._headers["authorization"] = f"Bearer {token}"
        self._client = client
        self._body = body

    @asynccontextmanager
    async def open(self) -> AsyncIterator["Gateway"]:
        """Return itself: the client keeps the connections."""
        yield self

    async def send(self, message: Message) -> None:
        """Hand one message to the gateway. Raises NotSent or Unclear."""
        body = orjson.dumps(self._body(message))
        headers = {**self._headers, "idempotency-key": message.id}
        judge(await self._client.post(self._url, body, headers))


def text_message(message: Message) -> Body:
    """Return what a gateway for text messages is told."""
    return {"id": message.id, "to": message.to, "text": message.text}


def push(message: Message) -> Body:
    """Return what a gateway for push notifications is told. Raises NotSent if it has no device."""
    if not message.devices:
        raise NotSent("the person has no device", retry=False)
    return {
        "id": message.id,
        "devices": list(message.devices),
        "title": message.subject,
        "body": message.text,
    }
