"""What proves that someone got a letter: made from its id with our key, and kept nowhere."""

import base64
import binascii
import hmac
from dataclasses import dataclass, field

from models.letter import Purpose


@dataclass(frozen=True, slots=True)
class Seals:
    """Makes and reads the tokens in letters. Whoever reads the database cannot make one."""

    key: str = field(repr=False)

    def token(self, letter_id: str, purpose: Purpose) -> str:
        """Return what a letter's link says."""
        seal = base64.urlsafe_b64encode(self._seal(letter_id, purpose)).decode().rstrip("=")
        return f"{letter_id}.{seal}"

    def read(self, token: str, purpose: Purpose) -> str | None:
        """Return the id of the letter that the token was in; None if we did not make it."""
        letter_id, _, text = token.strip()[:200].partition(".")
        try:
            seal = base64.b64decode(text + "=", altchars=b"-_")
        except (binascii.Error, ValueError):
            return None
        right = hmac.compare_digest(seal, self._seal(letter_id, purpose))
        return letter_id if right else None

    def _seal(self, letter_id: str, purpose: Purpose) -> bytes:
        return hmac.digest(
            self.key.encode(), f"letter|{purpose.value}|{letter_id}".encode(), "sha256"
        )
