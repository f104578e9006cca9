"""Accounts, passwords and tokens."""

import asyncio
import os
import sys
import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import permutations
from types import NoneType

import jwt
import pytest

from models.errors import Conflict, Invalid, RateLimited, Unauthenticated
from models.paging import Window
from models.principal import Principal, Role
from models.store import Database, Stores
from models.user import User, Which
from services import people, sessions
from services.passwords import _NICENESS, Passwords
from services.tokens import LIFETIME, Tokens
from tests.client import SECRET

NOW = datetime(2026, 11, 22, 10, tzinfo=UTC)
PASSWORD = "correct horse battery"
ANN = Principal(user_id="ann", roles=frozenset({Role.ADMIN, Role.CUSTOMER}), session_id="s1")


@pytest.fixture
def stores(database: Database) -> Stores:
    return Stores.over(database)


@pytest.fixture(scope="module")
def passwords() -> Passwords:
    return Passwords()


@pytest.fixture
def tokens() -> Tokens:
    return Tokens(SECRET)


async def join(
    stores: Stores, passwords: Passwords, password: str = PASSWORD, email: str = "ann@example.test"
) -> str | None:
    async with passwords.turn():
        user = await people.join(
            email, password, name="Ann", stores=stores, passwords=passwords, wall=NOW, now=NOW
        )
    return user and user.id


async def test_one_of_ten_at_once_gets_the_account(stores: Stores, passwords: Passwords) -> None:
    answers = await asyncio.gather(
        *(join(stores, passwords, f"{PASSWORD} {number}") for number in range(10))
    )

    assert len([answer for answer in answers if answer is not None]) == 1
    assert await stores.users.documents.count_documents({}) == 1


async def test_joining_cut_short_can_be_repeated(stores: Stores, passwords: Passwords) -> None:
    # Killed after claiming the address, before anything else.
    assert await stores.identities.claim("ann@example.test", "first") == "first"

    assert await join(stores, passwords) == "first"
    assert await join(stores, passwords) is None


async def test_joining_cut_short_at_the_end_goes_on_with_its_own_password_only(
    stores: Stores, passwords: Passwords
) -> None:
    assert await stores.identities.claim("ann@example.test", "first") == "first"
    await stores.credentials.add("first", await passwords.hash(PASSWORD), now=NOW)

    assert await join(stores, passwords, "another horse battery") is None
    assert await join(stores, passwords) == "first"


async def test_an_imported_persons_address_cannot_be_taken_over(
    stores: Stores, passwords: Passwords
) -> None:
    await stores.identities.settle("ann@example.test", "imported")

    assert await join(stores, passwords) is None


async def test_the_first_administrator_can_be_made_again(
    stores: Stores, passwords: Passwords, tokens: Tokens
) -> None:
    for password in ("first password", "second password"):
        admin = await people.ensure_admin(
            email="Boss@example.test",
            password=password,
            stores=stores,
            passwords=passwords,
            now=NOW,
        )

    user, _ = await sessions.sign_in(
        email="boss@example.test",
        password="second password",
        origin=sessions.Origin("10.0.0.1"),
        stores=stores,
        passwords=passwords,
        tokens=tokens,
        wall=NOW,
    )
    assert user.id == admin.id
    assert user.roles == {Role.ADMIN}


async def test_thirty_tries_from_one_address_are_enough(
    stores: Stores, passwords: Passwords, tokens: Tokens
) -> None:
    async def attempt(number: int) -> None:
        await sessions.sign_in(
            email=f"user{number}@example.test",
            password="wrong",
            origin=sessions.Origin("10.0.0.1"),
            stores=stores,
            passwords=passwords,
            tokens=tokens,
            wall=NOW,
        )

    for number in range(30):
        with pytest.raises(Invalid):
            await attempt(number)
    with pytest.raises(RateLimited):
        await attempt(30)


async def test_being_turned_away_is_no_wrong_password(
    stores: Stores, passwords: Passwords, tokens: Tokens
) -> None:
    await join(stores, passwords)

    async def enter(hashing: Passwords) -> object:
        return await sessions.sign_in(
            email="ann@example.test",
            password=PASSWORD,
            origin=sessions.Origin("10.0.0.1"),
            stores=stores,
            passwords=hashing,
            tokens=tokens,
            wall=NOW,
        )

    busy = Passwords(under_way=1, waiting=1)
    async with busy.turn():
        waiting = asyncio.create_task(enter(busy))
        await asyncio.sleep(0)  # it stands in line
        for _ in range(40):
            with pytest.raises(RateLimited, match="signing in"):
                await enter(busy)

    assert await waiting
    assert await enter(busy)
    busy.close()


async def test_hashing_lets_others_go_first(passwords: Passwords) -> None:
    hashed = await passwords.hash("a good pass phrase")
    assert await passwords.matches("a good pass phrase", hashed)

    if sys.platform != "linux":
        pytest.skip("threads have no priority of their own")
    (thread,) = [one for one in threading.enumerate() if one.name.startswith("password")]
    assert thread.native_id
    ours = os.getpriority(os.PRIO_PROCESS, threading.get_native_id())
    assert os.getpriority(os.PRIO_PROCESS, thread.native_id) == max(_NICENESS, ours)


def test_a_token_says_who_and_until_when(tokens: Tokens) -> None:
    token, expires = tokens.issue(ANN, now=NOW)

    assert expires == NOW + LIFETIME
    assert tokens.read(token, now=NOW + timedelta(minutes=14)).principal == ANN
    with pytest.raises(Unauthenticated, match="expired"):
        tokens.read(token, now=NOW + LIFETIME)


def test_a_token_of_another_key_or_algorithm_is_refused(tokens: Tokens) -> None:
    claims = {"iss": "fanfare", "sub": "ann", "sid": "s", "roles": ["admin"], "iat": 0, "exp": 9e9}
    forged = [
        jwt.encode(claims, SECRET + "!", algorithm="HS256"),
        jwt.encode(claims, SECRET * 2, algorithm="HS512"),
        jwt.encode(claims, None, algorithm="none"),
        jwt.encode(claims | {"roles": ["emperor"]}, SECRET, algorithm="HS256"),
        jwt.encode(claims | {"iss": "else"}, SECRET, algorithm="HS256"),
        jwt.encode(claims | {"exp": "soon"}, SECRET, algorithm="HS256"),
        jwt.encode({"sub": "ann"}, SECRET, algorithm="HS256"),
    ]

    for token in forged:
        with pytest.raises(Unauthenticated):
            tokens.read(token, now=NOW)


async def test_two_refreshes_at_once_give_the_same_pair(
    stores: Stores, passwords: Passwords, tokens: Tokens
) -> None:
    user = await stores.users.get(await join(stores, passwords))
    pair = await sessions.open_session(user, stores=stores, tokens=tokens, wall=NOW)

    async def again() -> object:
        _, fresh = await sessions.refresh(
            pair.refresh_token, stores=stores, tokens=tokens, wall=NOW + timedelta(minutes=5)
        )
        return fresh

    answers = await asyncio.gather(*(again() for _ in range(8)))

    assert len(set(answers)) == 1
    assert answers[0] != replace(pair)


async def test_administrators_who_take_the_role_from_each_other_leave_one(stores: Stores) -> None:
    for turn in range(10):
        names = [f"{turn}-{place}" for place in range(3)]
        for name in names:
            await stores.users.add(User(id=name, created_at=NOW, roles=frozenset({Role.ADMIN})))

        async def take(by: str, other: str) -> None:
            caller = Principal(by, frozenset({Role.ADMIN}), "s")
            version = (await stores.users.get(other)).version
            await people.assign_roles(
                other, {Role.CUSTOMER}, version=version, caller=caller, stores=stores
            )

        outcomes = await asyncio.gather(
            *(take(*pair) for pair in permutations(names, 2)), return_exceptions=True
        )

        assert {type(each) for each in outcomes} <= {NoneType, Conflict}
        left = (await stores.users.page(Window(limit=9), Which(role=Role.ADMIN))).items
        assert len(left) >= 1
        # In peace all others can be taken away, by whoever is left.
        for one in left[1:]:
            await take(left[0].id, one.id)
        with pytest.raises(Conflict) as refused:
            await take(names[0] if left[0].id != names[0] else names[1], left[0].id)
        assert refused.value.code == "LAST_ADMIN"
        await stores.users.documents.delete_many({})
