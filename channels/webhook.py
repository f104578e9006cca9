"""Calls of webhooks, signed as Standard Webhooks has it."""

import base64
import binascii
import hmac
import secrets
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime

from channels import Message, NotSent
from channels.web import Client, judge

_PREFIX = "whsec_"
_BYTES = 32


class Webhook:
    """Posts JSON to the URL a message names. The receiver tells a repeat by `webhook-id`."""

    def __init__(self, client: Client) -> None:
        self._client = client

    @asynccontextmanager
    async def open(self) -> AsyncIterator["Webhook"]:
        """Return itself: the client keeps the connections."""
        yield self

    async def send(self, message: Message) -> None:
        """Deliver one call. Raises NotSent or Unclear."""
        body = message.text.encode()
        headers = {
            "content-type": "application/json",
            "user-agent": "Fanfare",
            **signed(message.id, message.at, body, message.keys),
        }
        answer = await self._client.post(message.to, body, headers)
        if answer.status == 410:
            raise NotSent("it answered 410: the endpoint is gone", retry=False, gone=True)
        judge(answer)


def new_secret() -> str:
    """Return a secret as Standard Webhooks writes it."""
    return _PREFIX + base64.b64encode(secrets.token_bytes(_BYTES)).decode()


def signed(id: str, at: datetime, body: bytes, keys: Sequence[str]) -> dict[str, str]:
    """Return the headers that prove a call to whoever has one of the keys."""
    timestamp = str(int(at.timestamp()))
    content = b".".join((id.encode(), timestamp.encode(), body))
    signatures = [
        "v1," + base64.b64encode(hmac.digest(_raw(key), content, "sha256")).decode() for key in keys
    ]
    return {
        "webhook-id": id,
        "webhook-timestamp": timestamp,
        "webhook-signature": " ".join(signatures),
    }


def _raw(key: str) -> bytes:
    try:
        return base64.b64decode(key.removeprefix(_PREFIX), validate=True)
    except binascii.Error:
        return key.encode()
