"""Passwords: which are acceptable, and hashing them without starving everything else."""

import asyncio
import os
import random
import sys
import threading
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from functools import cache
from typing import TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from models.errors import Invalid, RateLimited
from services.aside import aside

SHORTEST = 8
LONGEST = 128
# One is hashed for while another asks the database.
_UNDER_WAY = 2
_WAITING = 128
# Seconds in which about as many have had their turn as may wait; not all are to come back at once.
_RETRY_AFTER = (4.0, 9.0)
# Whoever asks for something else goes first: hashing takes a whole processor. With this it gets a
# third of what others get that want it at the same time.
_NICENESS = 5

# Those of eight characters and more that lists of leaked passwords open with.
_COMMON_TEXT = """
12345678 123456789 1234567890 0123456789 12341234 11111111 00000000 88888888 87654321 987654321
123123123 147258369 123456789a 1q2w3e4r 1q2w3e4r5t 1qaz2wsx 1qaz2wsx3edc q1w2e3r4 q1w2e3r4t5
qwertyui qwertyuiop qwerty12 qwerty123 qwerty1234 qwer1234 asdfghjk asdfghjkl asdf1234 zxcvbnm1
zxcvbnm123 abcd1234 abc12345 abcdefgh aa123456 a1234567 a12345678 a123456789 aaaaaaaa password
password1 password12 password123 password1234 passw0rd p@ssw0rd p@ssword pass1234 letmein1
letmein123 welcome1 welcome123 iloveyou iloveyou1 sunshine sunshine1 princess princess1 football
football1 baseball baseball1 superman superman1 trustno1 starwars whatever michelle jennifer
computer internet dragon123 monkey123 master123 changeme changeme1 changeme123 administrator
admin123 admin1234 adminadmin testtest test1234 secret123 default1 samsung1 liverpool chocolate
butterfly fanfare1 fanfare123
"""
_COMMON = frozenset(_COMMON_TEXT.split())

_HASHER = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)

T = TypeVar("T")


def check_acceptable(password: str, *, email: str) -> None:
    """Raise Invalid, saying what is wrong, for a password nobody should use."""
    if len(password) < SHORTEST:
        raise Invalid(f"A password has at least {SHORTEST} characters.", field=("password",))
    if len(password) > LONGEST:
        raise Invalid(f"A password has at most {LONGEST} characters.", field=("password",))
    lowered = password.casefold()
    if lowered in _COMMON or len(set(lowered)) < 3:
        raise Invalid("This password is among the first that anyone tries.", field=("password",))
    if lowered in (email.casefold(), email.casefold().partition("@")[0]):
        raise Invalid("Do not use your e-mail address as a password.", field=("password",))


class Passwords:
    """argon2id in a thread that lets others go first, and the turns of those who need it.

    Hashing is not all that signing in costs: it writes several times, too, and many at once would
    keep everybody else from the database. So few are under way, and more than can wait are turned
    away, before anything is read or counted for them.
    """

    def __init__(self, *, under_way: int = _UNDER_WAY, waiting: int = _WAITING) -> None:
        self._pool = ThreadPoolExecutor(
            1, thread_name_prefix="password", initializer=_let_others_go_first
        )
        self._turns = asyncio.Semaphore(under_way)
        self._places = under_way + waiting
        self._nobody = _nobodys()

    async def hash(self, password: str) -> str:
        """Return what to keep instead of the password."""
        return await self._run(lambda: _HASHER.hash(password))

    async def matches(self, password: str, hashed: str | None) -> bool:
        """Whether this is the password. Takes as long for an account that does not exist (None)."""
        matched = await self._run(lambda: self._verify(hashed or self._nobody, password))
        return matched and hashed is not None

    def close(self) -> None:
        """End the thread."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _verify(self, hashed: str, password: str) -> bool:
        try:
            return _HASHER.verify(hashed, password)
        except (VerificationError, InvalidHashError):
            return False

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Wait for one's turn. Raises RateLimited if too many wait already."""
        if self._places == 0:
            later = random.uniform(*_RETRY_AFTER)
            raise RateLimited("Too many people are signing in; try again.", retry_after=later)
        self._places -= 1
        try:
            # A crowd that signs in must not keep out those who want something else.
            with aside():
                async with self._turns:
                    yield
        finally:
            self._places += 1

    async def _run(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._pool, work)


@cache
def _nobodys() -> str:
    return _HASHER.hash("nobody has this password")


def _let_others_go_first() -> None:
    # Elsewhere threads have no priority of their own; and not every container lets them set it.
    if sys.platform == "linux":
        niceness = max(_NICENESS, os.getpriority(os.PRIO_PROCESS, 0))
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), niceness)
