"""A lease: the right to be the only one, for a while, with a token that outlives it."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Lease:
    """`token` grows with every new holder: a write that carries an older one comes too late."""

    name: str
    token: int
    claim: str  # what this holding of it is known by
    until: datetime
    abandoned: bool = False  # the holder before this one never let go of it
