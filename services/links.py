"""Addresses in messages: signed, so that only who was sent one can use it, and only for that."""

import base64
import binascii
import hmac
from dataclasses import dataclass
from typing import Any

import orjson

from models.errors import NotFound

UNSUBSCRIBE = "u"
CLICK = "c"
OPENED = "o"
_SIGNATURE = 16  # bytes: enough that nobody guesses one


@dataclass(frozen=True, slots=True)
class Subscription:
    """What a message was part of: a channel, or one topic on it. `effect` is the message."""

    user_id: str
    channel: str
    topic: str
    effect: str


class Links:
    """Makes and reads them. `base` is the API's address as people see it."""

    def __init__(self, base: str, key: str) -> None:
        self._base = base.rstrip("/")
        self._key = key.encode()

    def unsubscribe(self, subscription: Subscription) -> str:
        """Return where whoever got the message can end it."""
        s = subscription
        return self._make(UNSUBSCRIBE, [s.user_id, s.channel, s.topic, s.effect])

    def read_unsubscribe(self, token: str) -> Subscription:
        """Return what a link would end. Raises NotFound for one that we did not make."""
        return Subscription(*self._read(UNSUBSCRIBE, token))

    def click(self, effect_id: str, url: str) -> str:
        """Return an address that leads on to a URL, and lets us know."""
        return self._make(CLICK, [effect_id, url])

    def read_click(self, token: str) -> tuple[str, str]:
        """Return the message that a link was in and where it leads. Raises NotFound."""
        effect_id, url = self._read(CLICK, token)
        return effect_id, url

    def opened(self, effect_id: str) -> str:
        """Return the address of a picture that lets us know that a message was opened."""
        return self._make(OPENED, [effect_id])

    def read_opened(self, token: str) -> str:
        """Return the message that a picture was in. Raises NotFound."""
        (effect_id,) = self._read(OPENED, token)
        return str(effect_id)

    def is_own(self, url: str) -> bool:
        """Whether an address is one that is made here."""
        return url.startswith(tuple(f"{self._base}/{kind}/" for kind in (UNSUBSCRIBE, CLICK)))

    def _make(self, kind: str, parts: list[Any]) -> str:
        payload = orjson.dumps(parts)
        return f"{self._base}/{kind}/{_text(payload)}.{_text(self._sign(kind, payload))}"

    def _read(self, kind: str, token: str) -> list[Any]:
        first, _, second = token.partition(".")
        try:
            payload, signature = _bytes(first), _bytes(second)
        except (binascii.Error, ValueError):
            payload, signature = b"", b""
        # Compared before anything is read: what is inside is ours or it is nothing.
        if not hmac.compare_digest(signature, self._sign(kind, payload)):
            raise NotFound("This link is not complete, or not one of ours.")
        parts: list[Any] = orjson.loads(payload)
        return parts

    def _sign(self, kind: str, payload: bytes) -> bytes:
        return hmac.digest(self._key, f"{kind}|".encode() + payload, "sha256")[:_SIGNATURE]


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _bytes(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
