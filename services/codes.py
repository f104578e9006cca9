"""Single-use codes: made in bulk or granted, listed, exported and revoked."""

import asyncio
import hashlib
import secrets
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import datetime
from functools import partial

from dsl import Moment
from dsl.clauses import Length
from dsl.moment import add
from engine.pricing.plan import fold_code
from models.errors import Conflict, Invalid, NotFound
from models.ids import new_id
from models.paging import Window
from models.store import Stores
from models.unique_code import Code
from services.cells import line
from services.rulebook import Rulebook
from services.scarcity import LENGTH

MOST = 1_000_000
MOST_IN_A_CALL = 50_000
MOST_REVOKED = 1_000
CHUNK = 5_000
AT_ONCE = 3
LEASE = 60.0  # seconds; 50,000 codes take a few
_SHIFTS = range(0, 5 * LENGTH, 5)
_BYTES = (5 * LENGTH + 7) // 8
# Crockford's: no letter that looks like a digit, and none that makes words.
_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def fresh() -> str:
    """Return a code of 65 random bits."""
    return _written(secrets.token_bytes(_BYTES))


def _many(count: int) -> list[str]:
    # One call for all: asking the system for each takes longer than all the rest.
    noise = secrets.token_bytes(_BYTES * count)
    return [_written(noise[start : start + _BYTES]) for start in range(0, len(noise), _BYTES)]


def _written(noise: bytes) -> str:
    number = int.from_bytes(noise)
    return "".join([_ALPHABET[number >> shift & 31] for shift in _SHIFTS])


def expiry(lasts: str | None, moment: Moment) -> datetime | None:
    """Return when a code granted now for so long ("14 days") ends."""
    if lasts is None:
        return None
    count, _, unit = lasts.partition(" ")
    return add(moment.now, Length(int(count.replace("_", "")), unit.removesuffix("s")), moment.zone)


def of_a_call(count: int) -> int:
    """Return how many codes a call of the API asks for. Raises Invalid for too many."""
    return _check_count(count, MOST_IN_A_CALL)


def _check_count(count: int, most: int) -> int:
    if not 1 <= count <= most:
        raise Invalid(f"From 1 to {most:,} codes can be made at a time.", field=("count",))
    return count


async def generate(
    promotion: str,
    count: int,
    *,
    user_id: str | None = None,
    expires_at: datetime | None = None,
    request: str | None = None,
    stores: Stores,
    rulebook: Rulebook,
    now: datetime,
) -> str:
    """Make codes of a promotion that is live; return the name of their batch.

    Asked once more for the same by the same `request`, this makes what is missing of them. Raises
    NotFound and Invalid, and Conflict (BUSY) while they are being made.
    """
    _check_count(count, MOST)
    if expires_at is not None and expires_at <= now:
        raise Invalid(
            "That is in the past; leave it out for codes that stay good.", field=("expiresAt",)
        )
    published = await rulebook.current()
    found = published.program.promotions.get(promotion)
    if found is None:
        raise NotFound(
            f"No promotion {promotion!r} is live; publish it first.", field=("promotion",)
        )
    if not found.unique_codes:
        raise Invalid(
            f"{promotion!r} does not say `codes unique` in its rules, so it needs no codes.",
            field=("promotion",),
        )
    if user_id is not None and not await stores.users.known([user_id]):
        raise NotFound("There is no such person.", field=("userId",))
    like = partial(Code, promotion=promotion, made_at=now, user_id=user_id, expires_at=expires_at)
    if request is None:
        batch = new_id()
        await _make(count, partial(like, batch=batch), stores)
        return batch
    asked = "|".join(map(str, (request, promotion, count, user_id, expires_at)))
    batch = hashlib.blake2s(asked.encode(), digest_size=13).hexdigest()
    lease = await stores.leases.acquire(f"codes {batch}", seconds=LEASE)
    if lease is None:
        raise Conflict("These codes are being made; ask again in a moment.", code="BUSY")
    try:
        there = await stores.codes.count(promotion, batch=batch)
        await _make(count - there, partial(like, batch=batch), stores)
    finally:
        await stores.leases.release(lease)
    return batch


async def require(promotion: str, *, stores: Stores, rulebook: Rulebook) -> None:
    """Raise NotFound if no such promotion is live and there are no codes of one that was."""
    if promotion in (await rulebook.current()).program.promotions:
        return
    if not (await stores.codes.page(promotion, Window(1), batch=None)).items:
        raise NotFound(
            f"There is no promotion {promotion[:100]!r}, and there are no codes of one.",
            field=("promotion",),
        )


async def _make(count: int, like: Callable[..., Code], stores: Stores) -> None:
    ahead = asyncio.Semaphore(AT_ONCE)

    async def write(size: int) -> None:
        async with ahead:
            await stores.codes.add([like(code=code) for code in sorted(_many(size))])

    await asyncio.gather(*(write(min(CHUNK, count - start)) for start in range(0, count, CHUNK)))


async def revoke(given: Sequence[str], *, stores: Stores, now: datetime) -> int:
    """Make codes useless; return how many of them there were, not counting used ones."""
    if len(given) > MOST_REVOKED:
        raise Invalid(
            f"At most {MOST_REVOKED:,} codes at a time, not {len(given):,}.", field=("codes",)
        )
    return await stores.codes.revoke([fold_code(code) for code in given], now)


async def export(promotion: str, batch: str | None, *, stores: Stores) -> AsyncIterator[str]:
    """Yield a promotion's codes as lines of CSV, a head first."""
    yield "code,promotion,user,expires_at,revoked_at,order\r\n"
    async for code in stores.codes.every(promotion, batch):
        yield _line(code)


def _line(code: Code) -> str:
    return line(
        code.code,
        code.promotion,
        code.user_id or "",
        code.expires_at.isoformat() if code.expires_at else "",
        code.revoked_at.isoformat() if code.revoked_at else "",
        code.order or "",
    )
