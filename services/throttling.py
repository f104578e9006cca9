"""How often someone may try before we stop listening for a while."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from models.errors import RateLimited
from models.store import Stores
from models.store.identities import email_key

WINDOW = timedelta(minutes=15)
PER_ACCOUNT = 5
PER_ADDRESS = 30
LETTERS = 3  # of one kind to one address


async def admit(email: str, address: str, *, stores: Stores, wall: datetime) -> None:
    """Count a try to sign in. Raises RateLimited if there were too many, right or wrong.

    Accounts that do not exist are counted alike, so that the answer tells nothing.
    """
    await _take(_account(email), PER_ACCOUNT, stores=stores, wall=wall)
    await count_address(address, stores=stores, wall=wall)


async def count_address(address: str, *, stores: Stores, wall: datetime) -> None:
    """Count a try from a network address. Raises RateLimited if there were too many."""
    await _take(f"address:{address}", PER_ADDRESS, stores=stores, wall=wall)


async def admit_letter(
    kind: str, email: str, address: str, *, stores: Stores, wall: datetime
) -> None:
    """Count a letter that is asked for. Raises RateLimited, alike for addresses of nobody."""
    await _take(f"letter:{kind}:{email_key(email)}", LETTERS, stores=stores, wall=wall)
    await count_address(address, stores=stores, wall=wall)


async def forgive(email: str, address: str, *, stores: Stores) -> None:
    """The try was right after all: it does not count, nor do the account's failures before it."""
    await stores.throttles.forget(_account(email))
    await stores.throttles.give_back(f"address:{address}")


async def forget_all(email: str, kinds: Iterable[str], *, stores: Stores) -> None:
    """Forget whatever is counted under an account's address, and letters of these kinds."""
    key = email_key(email)
    for each in (f"account:{key}", *(f"letter:{kind}:{key}" for kind in kinds)):
        await stores.throttles.forget(each)


async def _take(key: str, limit: int, *, stores: Stores, wall: datetime) -> None:
    count, until = await stores.throttles.take(key, window=WINDOW, now=wall)
    if count > limit:
        raise RateLimited(
            "Too many tries; wait a while.", retry_after=(until - wall).total_seconds()
        )


def _account(email: str) -> str:
    return f"account:{email_key(email)}"
