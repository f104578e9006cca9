"""The randomness of drand (https://drand.love) and of whoever speaks its HTTP API.

Nobody who answers has to be trusted: the key must be the one that the chain's hash is over, and a
round's value the hash of the signature that this key made of it.
"""

import asyncio
import json
import time
from hashlib import sha256
from http.client import HTTPException
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from models.beacon import SCHEME, Chain, Pulse, Signer
from models.errors import Unavailable

PATIENCE = 5.0  # seconds for an answer
PAUSE = 5.0  # seconds for which nobody asks again after a failure
_LONGEST = 65_536


class Drand:
    """One per process. `chain` says which beacon; what it says of itself must agree."""

    def __init__(self, chain: Chain, *, pause: float = PAUSE) -> None:
        self.chain = chain
        self._pause = pause
        self._signer: Signer | None = None
        self._reason = ""
        self._next_try = float("-inf")

    async def pulse(self, number: int) -> Pulse:
        """Return what was said in a round. Raises Unavailable while that cannot be had."""
        if time.monotonic() < self._next_try:
            raise Unavailable(self._reason)
        try:
            if self._signer is None:
                self._signer = self._signer_in(await self._get("info"))
            return _pulse(await self._get(f"public/{number}"), number, self._signer)
        except Unavailable as error:
            self._reason = error.message
            self._next_try = time.monotonic() + self._pause
            raise

    def _signer_in(self, info: dict[str, Any]) -> Signer:
        ours = (self.chain.hash, self.chain.genesis, self.chain.period)
        theirs = (info.get("hash"), info.get("genesis_time"), info.get("period"))
        if theirs != ours:
            raise Unavailable(
                f"The beacon at {self.chain.url} says (hash, genesis, period) {theirs}, and the "
                f"settings say {ours}."
            )
        if info.get("schemeID") != SCHEME:
            raise Unavailable(
                f"The beacon at {self.chain.url} signs by {info.get('schemeID')}; what can be "
                f"checked here is {SCHEME}."
            )
        try:
            signer = Signer(
                bytes.fromhex(info["public_key"]),
                bytes.fromhex(info["groupHash"]),
                (info.get("metadata") or {}).get("beaconID", "default"),
            )
            agrees = self.chain.is_of(signer)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise Unavailable(
                f"What the beacon says of itself is not well formed: {error!r}"
            ) from error
        if not agrees:
            raise Unavailable(
                f"The beacon at {self.chain.url} gives a key that is not that of the chain "
                f"{self.chain.hash}."
            )
        return signer

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


def _pulse(answer: dict[str, Any], number: int, signer: Signer) -> Pulse:
    try:
        pulse = Pulse(
            answer["round"],
            bytes.fromhex(answer["randomness"]),
            bytes.fromhex(answer["signature"]),
            signer,
        )
    except (KeyError, TypeError, ValueError) as error:
        raise Unavailable(f"The beacon's round {number} is not well formed: {error!r}") from error
    if pulse.round != number:
        raise Unavailable(f"The beacon was asked for round {number} and tells of {pulse.round}.")
    if sha256(pulse.signature).digest() != pulse.randomness:
        raise Unavailable(f"The beacon's round {number} is not the hash of its signature.")
    if not signer.signed(number, pulse.signature):
        raise Unavailable(f"The beacon's round {number} is not signed by its chain's key.")
    return pulse
