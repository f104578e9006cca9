"""The randomness of drand (https://drand.love) and of whoever speaks its HTTP API.

What comes back is checked as far as hashes go: the round that was asked for, and a value that is
the hash of its signature. The signature itself is left to those who check a draw.
"""

import asyncio
import json
import time
from hashlib import sha256
from http.client import HTTPException
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from models.beacon import Chain, Pulse
from models.errors import Unavailable

PATIENCE = 5.0  # seconds for an answer
PAUSE = 5.0  # seconds for which nobody asks again after a failure
_LONGEST = 65_536


class Drand:
    """One per process. `chain` says which beacon; what it says of itself must agree."""

    def __init__(self, chain: Chain, *, pause: float = PAUSE) -> None:
        self.chain = chain
        self._pause = pause
        self._agrees = False
        self._reason = ""
        self._next_try = float("-inf")

    async def pulse(self, number: int) -> Pulse:
        """Return what was said in a round. Raises Unavailable while that cannot be had."""
        if time.monotonic() < self._next_try:
            raise Unavailable(self._reason)
        try:
            if not self._agrees:
                self._compare(await self._get("info"))
                self._agrees = True
            return _pulse(await self._get(f"public/{number}"), number)
        except Unavailable as error:
            self._reason = error.message
            self._next_try = time.monotonic() + self._pause
            raise

    def _compare(self, info: dict[str, Any]) -> None:
        ours = (self.chain.hash, self.chain.genesis, self.chain.period)
        theirs = (info.get("hash"), info.get("genesis_time"), info.get("period"))
        if theirs != ours:
            raise Unavailable(
                f"The beacon at {self.chain.url} says (hash, genesis, period) {theirs}, and the "
                f"settings say {ours}."
            )

    async def _get(self, path: str) -> dict[str, Any]:
        address = f"{self.chain.url.rstrip('/')}/{self.chain.hash}/{path}"
        try:
            async with asyncio.timeout(2 * PATIENCE):
                body = await asyncio.to_thread(_read, address)
            answer = json.loads(body)
        except HTTPError as error:
            with error:  # it holds the connection
                raise Unavailable(f"{address} answers {error.code}.") from error
        except (OSError, HTTPException, TimeoutError) as error:
            raise Unavailable(f"{address} cannot be reached: {error}") from error
        except ValueError as error:
            raise Unavailable(f"{address} does not answer in JSON.") from error
        if not isinstance(answer, dict):
            raise Unavailable(f"{address} does not answer with an object.")
        return answer


def _read(address: str) -> bytes:
    request = Request(address, headers={"Accept": "application/json", "User-Agent": "fanfare"})
    with urlopen(request, timeout=PATIENCE) as response:
        return bytes(response.read(_LONGEST))


def _pulse(answer: dict[str, Any], number: int) -> Pulse:
    try:
        pulse = Pulse(
            answer["round"],
            bytes.fromhex(answer["randomness"]),
            bytes.fromhex(answer["signature"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise Unavailable(f"The beacon's round {number} is not well formed: {error!r}") from error
    if pulse.round != number:
        raise Unavailable(f"The beacon was asked for round {number} and tells of {pulse.round}.")
    if sha256(pulse.signature).digest() != pulse.randomness:
        raise Unavailable(f"The beacon's round {number} is not the hash of its signature.")
    return pulse
