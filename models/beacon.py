"""A public source of randomness: rounds at fixed times, whose values nobody knows before.

A value is the hash of a signature of its round (drand's scheme bls-unchained-g1-rfc9380: BLS12-381,
signatures on G1, keys on G2). A chain's hash is over its key and its times, so that whoever knows
the hash can check every value without asking anybody.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any, Self

from py_arkworks_bls12381 import GT, G1Point, G2Point

SCHEME = "bls-unchained-g1-rfc9380"
_DOMAIN = b"BLS_SIG_BLS12381G1_XMD:SHA-256_SSWU_RO_NUL_"


@dataclass(frozen=True, slots=True)
class Signer:
    """Who signs a chain's rounds: the public key, and what else of them its hash is over."""

    key: bytes
    group: bytes
    name: str

    def signed(self, number: int, signature: bytes) -> bool:
        """Whether this is the signature of a round."""
        said = G1Point.hash_to_curve(sha256(number.to_bytes(8, "big")).digest(), _DOMAIN)
        try:
            key = G2Point.from_compressed_bytes(self.key)
            point = G1Point.from_compressed_bytes(signature)
        except ValueError:  # no point of its group
            return False
        # The key of nothing would have signed everything.
        return key != G2Point.identity() and GT.pairing_check([point, -said], [G2Point(), key])


@dataclass(frozen=True, slots=True)
class Chain:
    """A beacon of drand's kind: where it answers, which it is, and when its rounds are."""

    url: str
    hash: str
    genesis: int
    period: int

    def round_at(self, at: datetime) -> int:
        """Return the first round whose value is made at this time or after it."""
        late = at - self.time_of(1)
        return max(1, 1 - (-late // timedelta(seconds=self.period)))

    def time_of(self, number: int) -> datetime:
        """Return when a round's value is made."""
        return datetime.fromtimestamp(self.genesis + (number - 1) * self.period, UTC)

    def is_of(self, signer: Signer) -> bool:
        """Whether the chain's hash is over this signer, with the times of these rounds."""
        times = self.period.to_bytes(4, "big") + self.genesis.to_bytes(8, "big")
        name = b"" if signer.name == "default" else signer.name.encode()
        return sha256(times + signer.key + signer.group + name).hexdigest() == self.hash

    def promise(self, number: int) -> dict[str, Any]:
        """Return a round as a draw commits to it: with all that finding it again takes."""
        return {
            "kind": "drand",
            "url": self.url,
            "chain": self.hash,
            "genesis": self.genesis,
            "period": self.period,
            "round": number,
        }


@dataclass(frozen=True, slots=True)
class Pulse:
    """What a beacon says in a round. Its value is the hash of its signature.

    Without `signer` nobody has looked whose signature it is.
    """

    round: int
    randomness: bytes
    signature: bytes
    signer: Signer | None = None

    def record(self) -> dict[str, Any]:
        """Return it as it is published, with the signer as drand's `/info` has them."""
        signer = self.signer
        return {
            "round": self.round,
            "randomness": self.randomness.hex(),
            "signature": self.signature.hex(),
        } | (
            {}
            if signer is None
            else {
                "public_key": signer.key.hex(),
                "group_hash": signer.group.hex(),
                "beacon_id": signer.name,
            }
        )

    @classmethod
    def of(cls, record: Mapping[str, Any]) -> Self:
        """Read what `record` gave. Raises KeyError, TypeError or ValueError."""
        return cls(
            record["round"],
            bytes.fromhex(record["randomness"]),
            bytes.fromhex(record["signature"]),
            Signer(
                bytes.fromhex(record["public_key"]),
                bytes.fromhex(record["group_hash"]),
                record["beacon_id"],
            )
            if "public_key" in record
            else None,
        )
