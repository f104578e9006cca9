"""Setting points aside for a spending, so that nobody spends the same points twice.

    hold ─► whatever the points are spent on ─► the transfer in the ledger, and the hold goes
                                            └► or released: nothing was spent

A hold is pushed onto the account's one document, and only if that is as it was when the points were
counted: of two who want the last points at the same moment, one counts again and finds them held.
"""

import asyncio
from collections.abc import Iterable
from datetime import datetime
from typing import TypeAlias
from weakref import WeakKeyDictionary, WeakValueDictionary

from engine.loyalty.replay import replay
from models.errors import Conflict
from models.points import Account, Hold, Transfer
from models.store import Stores
from models.store.accounts import Accounts

TRIES = 50

_Turns: TypeAlias = WeakValueDictionary[str, asyncio.Lock]
# Those of one process who want the same points take turns; between processes the account decides.
_TURNS: WeakKeyDictionary[Accounts, _Turns] = WeakKeyDictionary()


async def available(user_id: str, *, stores: Stores, now: datetime) -> int:
    """Return how many points someone can spend now; never less than 0."""
    account, ledger = await read(user_id, stores=stores)
    return left(account, ledger, now)


async def hold(hold: Hold, *, stores: Stores, now: datetime) -> bool:
    """Set points aside; False if there are too few. Safe to repeat, also once they are spent.

    Raises Conflict if the account changes all the time.
    """
    wanted, user_id = hold.transfer.id, hold.transfer.user_id
    turns = _TURNS.setdefault(stores.accounts, WeakValueDictionary())
    turn = turns.setdefault(user_id, asyncio.Lock())
    async with turn:
        for _ in range(TRIES):
            account, ledger = await read(user_id, stores=stores)
            if wanted in {each.transfer.id for each in account.holds}:
                return True
            if wanted in {each.id for each in ledger}:
                return True
            if left(account, ledger, now) < hold.points:
                return False
            if await stores.accounts.hold(account, hold):
                return True
    raise Conflict("Too much happens to this account at once; try again.", code="BUSY")


async def release(transfer: Transfer, *, stores: Stores) -> None:
    """Let go of points that were set aside and are not to be spent. Safe to repeat."""
    await stores.accounts.release(transfer.user_id, transfer.id)


async def read(user_id: str, *, stores: Stores) -> tuple[Account, list[Transfer]]:
    """Return someone's account and their ledger."""
    # The account first: a hold that has gone from it since is in the ledger that is read after it.
    accounts = await stores.accounts.find_many([user_id])
    ledgers = await stores.points.of_users([user_id])
    return accounts[user_id], ledgers[user_id]


def left(account: Account, ledger: Iterable[Transfer], now: datetime) -> int:
    """Return how many points there are to spend; never less than 0."""
    spent = {each.id: each for each in ledger}
    for each in account.holds:
        spent.setdefault(each.transfer.id, each.transfer)
    return max(0, replay(spent.values(), now).balance)
