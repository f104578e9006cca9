"""Forgetting a person, wherever anything is kept of them.

    ask: the work is written down ─► those who let in and find are gone
    work: pass 1, everything ─ a minute ─► pass 2, what others were still writing ─► done

Each step is safe to repeat and noted when it is done: whoever is killed is gone on from there.
Whom advertising platforms know is erased once those have been told to forget them.
"""

import logging
from dataclasses import replace
from datetime import datetime

from models.erasure import PASSES, PAUSE, Erasure
from models.errors import NotFound
from models.letter import Purpose
from models.principal import Principal, Role
from models.store import Stores
from models.store.personal import HOLDINGS, Fate, Holding
from services import accounts, people, throttling
from services.passwords import Passwords

log = logging.getLogger(__name__)

AT_ONCE = 10
PERSON = "users"
SHOWN = "audience_members"
# Without these nobody can sign in as them, find them or write to them.
DOOR = frozenset({"sessions", "credentials", "letters", "identities", PERSON})
STEPS = tuple(
    holding
    for holding in HOLDINGS
    if holding.fate in (Fate.DELETED, Fate.BLANKED) and holding.collection != SHOWN
)


def may_ask(user_id: str, caller: Principal) -> bool:
    """Whether a caller may have a person's data, or have them erased. Keys were asked before."""
    return user_id == caller.user_id or caller.is_key or Role.ADMIN in caller.roles


async def ask(
    user_id: str,
    *,
    password: str | None = None,
    address: str = "",
    caller: Principal,
    stores: Stores,
    passwords: Passwords,
    wall: datetime,
) -> Erasure:
    """Have a person erased; return how far that is. Safe to repeat.

    Whoever has themself erased gives their password. Raises NotFound alike for nobody and for whom
    the caller may not erase, what `accounts.show_password` raises, and, of an administrator, what
    `people.give_roles` does.
    """
    if not may_ask(user_id, caller):
        raise NotFound("There is no such user.", field=("userId",))
    if (known := await stores.erasures.find(user_id)) is not None:
        return known
    user = await stores.users.find(user_id)
    if user is None:
        raise NotFound("There is no such user.", field=("userId",))
    if user_id == caller.user_id:
        await accounts.show_password(
            password,
            caller=caller,
            address=address,
            stores=stores,
            passwords=passwords,
            wall=wall,
        )
    if Role.ADMIN in user.roles:
        # By itself and first: of administrators who erase each other at one moment one is left.
        await people.give_roles(user, user.roles - {Role.ADMIN} or {Role.CUSTOMER}, stores=stores)
    erasure = await stores.erasures.begin(user_id, wall=wall)
    for holding in STEPS:
        if holding.collection in DOOR:
            await _step(holding, user_id, stores)
    return erasure


async def find(user_id: str, *, stores: Stores) -> Erasure:
    """Return how far a person is erased. Raises NotFound if nobody has asked for it."""
    erasure = await stores.erasures.find(user_id)
    if erasure is None:
        raise NotFound("Nobody has asked for this.")
    return erasure


async def look_after(*, stores: Stores, wall: datetime) -> int:
    """Go on with what is due; return how many that were. Two who do so at once do no harm."""
    due = await stores.erasures.due(wall, limit=AT_ONCE)
    for erasure in due:
        await _work(erasure, stores, wall)
    return len(due)


async def _work(erasure: Erasure, stores: Stores, wall: datetime) -> None:
    """Go once through everything from where it is, and note what is to be done next."""
    for holding in STEPS:
        if holding.collection not in erasure.steps:
            await _step(holding, erasure.user_id, stores)
            erasure = replace(erasure, steps=(*erasure.steps, holding.collection))
            await stores.erasures.save(erasure)
    told = await _have_told(erasure.user_id, stores, wall)
    left = [each for each in STEPS if await stores.erasures.left(each, erasure.user_id)]
    erasure = replace(erasure, passes=erasure.passes + 1, steps=(), waits_for=told)
    if erasure.passes >= PASSES and not told and not left:
        await stores.erasures.save(replace(erasure, next_at=None, done_at=wall))
        log.info("erased %s", erasure.user_id)
    else:
        await stores.erasures.save(replace(erasure, next_at=wall + PAUSE))


async def _step(holding: Holding, user_id: str, stores: Stores) -> None:
    if holding.collection == PERSON:
        # While their address is still known: it is in the keys of what follows.
        user = await stores.users.find(user_id)
        if user is not None and user.email is not None:
            await throttling.forget_all(user.email, Purpose, stores=stores)
            await stores.letters.drop_address(user.email)
    await stores.erasures.erase(holding, user_id)


async def _have_told(user_id: str, stores: Stores, wall: datetime) -> tuple[str, ...]:
    """Have platforms told of someone who is no member any more; return which are still to be."""
    audiences = await stores.erasures.audiences_of(user_id)
    for name in audiences:
        try:
            await stores.audiences.ask(name, user_id, at=wall)
        except NotFound:  # the shop has forgotten it: there is nobody to tell
            await stores.audience_members.forget(name, user_id)
    return tuple(audiences)
