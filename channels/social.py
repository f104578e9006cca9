"""Custom audiences of advertising platforms, by way of an endpoint that takes JSON over HTTP."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import orjson

from channels.web import Client, judge


@dataclass(frozen=True, slots=True)
class Delta:
    """Who has come and who has gone, as hashes."""

    audience: str
    add: Sequence[str]
    remove: Sequence[str]

    @property
    def id(self) -> str:
        """The same for the same change: a repeat can be recognised."""
        content = orjson.dumps([self.audience, list(self.add), list(self.remove)])
        return hashlib.sha256(content).hexdigest()[:32]


class Social:
    """Tells endpoints of changes."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def tell(self, url: str, token: str, delta: Delta) -> None:
        """Tell of one change. Raises NotSent or Unclear; either may be repeated."""
        body = orjson.dumps(
            {
                "id": delta.id,
                "audience": delta.audience,
                "hash": "sha256",
                "add": list(delta.add),
                "remove": list(delta.remove),
            }
        )
        headers = {
            "content-type": "application/json",
            "user-agent": "Fanfare",
            "idempotency-key": delta.id,
        }
        if token:
            headers["authorization"] = f"Bearer {token}"
        judge(await self._client.post(url, body, headers))


def hashed(email: str) -> str:
    """Return an address as platforms compare it: trimmed, in lower case, by its SHA-256."""
    return hashlib.sha256(email.strip().lower().encode()).hexdigest()
