"""Signing in, staying signed in, and signing out."""

import asyncio
import base64
import binascii
import hmac
import secrets
from dataclasses import dataclass, replace
from datetime import datetime

from models.address import normalised
from models.errors import Invalid, NotFound, Unauthenticated
from models.ids import new_id
from models.principal import Principal
from models.session import GRACE, LIFETIME, Session, TokenPair
from models.store import Stores
from models.user import User
from services import throttling
from services.passwords import LONGEST, Passwords
from services.recent import Recent
from services.tokens import Tokens

_MOST_SHOWN = 200
_LONGEST_CLIENT = 200


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a request comes from: its network address, and what the program calls itself."""

    address: str
    client: str = ""


async def sign_in(
    *,
    email: str,
    password: str,
    origin: Origin,
    stores: Stores,
    passwords: Passwords,
    tokens: Tokens,
    wall: datetime,
) -> tuple[User, TokenPair]:
    """Open a session. Raises Invalid (WRONG_CREDENTIALS) alike whatever was wrong, RateLimited."""
    wrong = Invalid("The e-mail address or the password is wrong.", code="WRONG_CREDENTIALS")
    email = normalised(email)
    async with passwords.turn():
        await throttling.admit(email, origin.address, stores=stores, wall=wall)
        # An unknown address costs the same reads and the same hashing as a known one.
        user_id = await stores.identities.find_user_id(email) or "nobody"
        hashed = await stores.credentials.find(user_id)
        if not await passwords.matches(password[: LONGEST + 1], hashed):
            raise wrong
        user = await stores.users.find(user_id)
        if user is None:
            raise wrong
        await throttling.forgive(email, origin.address, stores=stores)
        pair = await open_session(
            user, client=origin.client, stores=stores, tokens=tokens, wall=wall
        )
        if await stores.credentials.find(user_id) != hashed:
            # A new password was chosen meanwhile, which is to have ended what the old one opened.
            await stores.sessions.revoke(pair.refresh_token.partition(".")[0], now=wall)
            raise wrong
        return user, pair


async def open_session(
    user: User, *, client: str = "", stores: Stores, tokens: Tokens, wall: datetime
) -> TokenPair:
    """Start a session for someone who has shown who they are."""
    session = Session(
        id=new_id(),
        user_id=user.id,
        salt=secrets.token_hex(32),
        created_at=wall,
        expires_at=wall + LIFETIME,
        rotated_at=wall,
        client="".join(filter(str.isprintable, client))[:_LONGEST_CLIENT],
    )
    await stores.sessions.add(session)
    return _pair(session, user, tokens)


async def refresh(
    refresh_token: str, *, stores: Stores, tokens: Tokens, wall: datetime
) -> tuple[User, TokenPair]:
    """Trade a refresh token for a new pair. Raises Invalid (SESSION_ENDED) for one not good.

    The token just before the newest gives the same pair again for a few seconds, since the
    answer may have been lost on its way. Any older one has been stolen, or its successor has:
    the whole session ends.
    """
    session_id, generation, proof = _parts(refresh_token)
    session = await stores.sessions.find(session_id)
    if session is None or not session.is_live(wall):
        raise _ended()
    presented = replace(session, generation=generation)
    if not hmac.compare_digest(proof, _proof(presented, tokens)):
        raise _ended()
    current: Session | None = session
    if generation == session.generation:
        current = await stores.sessions.rotate(session, now=wall) or await stores.sessions.find(
            session_id
        )
    if current is None or not current.is_live(wall):
        raise _ended()
    if generation != current.generation - 1 or wall - current.rotated_at > GRACE:
        await stores.sessions.revoke(session_id, now=wall)
        raise _ended()
    user = await stores.users.find(current.user_id)
    if user is None:
        raise _ended()
    return user, _pair(current, user, tokens)


async def sign_out(*, everywhere: bool, caller: Principal, stores: Stores, wall: datetime) -> None:
    """End the caller's session, or all of theirs. Safe to repeat."""
    if everywhere:
        await stores.sessions.revoke_all(caller.user_id, now=wall)
    else:
        await stores.sessions.revoke(caller.session_id, now=wall)


async def own(*, caller: Principal, stores: Stores, wall: datetime) -> list[Session]:
    """Return the caller's sessions that have not ended, the newest first."""
    if caller.is_key:
        return []
    return await stores.sessions.of_user(caller.user_id, now=wall, limit=_MOST_SHOWN)


def may_see(session: Session, caller: Principal, wall: datetime) -> bool:
    """Whether it is among those that `own` lists."""
    return session.user_id == caller.user_id and not caller.is_key and session.is_live(wall)


async def revoke(session_id: str, *, caller: Principal, stores: Stores, wall: datetime) -> Session:
    """End one of the caller's sessions. Raises NotFound alike for others' and for none."""
    session = await stores.sessions.find(session_id)
    if session is None or session.user_id != caller.user_id:
        raise NotFound("You have no such session.", field=("id",))
    await stores.sessions.revoke(session_id, now=wall)
    return session


async def revoke_others(
    *, keep: str | None = None, caller: Principal, stores: Stores, wall: datetime
) -> None:
    """End all of the caller's sessions but the one they ask with, and `keep`. Safe to repeat."""
    kept = [caller.session_id] if keep is None else [caller.session_id, keep]
    await stores.sessions.revoke_all(caller.user_id, now=wall, but=kept)


class Attendance:
    """Knows which sessions still count, and their owners' roles; one per process.

    A look is good for two seconds.
    """

    def __init__(self, stores: Stores) -> None:
        self._sessions = Recent(stores.sessions.find)
        self._roles = Recent(stores.users.roles)

    async def check(self, caller: Principal, *, now: datetime) -> Principal:
        """Return whom an access token stands for, with the roles that they have by now.

        Raises Unauthenticated (SESSION_ENDED) for one whose session has ended.
        """
        session, roles = await asyncio.gather(
            self._sessions.find(caller.session_id), self._roles.find(caller.user_id)
        )
        if session is None or not session.is_live(now) or roles is None:
            raise Unauthenticated("The session has ended; sign in again.", code="SESSION_ENDED")
        return replace(caller, roles=roles)


def _pair(session: Session, user: User, tokens: Tokens) -> TokenPair:
    principal = Principal(user_id=user.id, roles=user.roles, session_id=session.id)
    access, expires = tokens.issue(principal, now=session.rotated_at)
    proof = base64.urlsafe_b64encode(_proof(session, tokens)).decode().rstrip("=")
    return TokenPair(access, f"{session.id}.{session.generation}.{proof}", expires)


def _proof(session: Session, tokens: Tokens) -> bytes:
    return tokens.derive("refresh", session.id, str(session.generation), session.salt)


def _parts(refresh_token: str) -> tuple[str, int, bytes]:
    try:
        session_id, generation, proof = refresh_token[:200].split(".")
        return session_id, int(generation), base64.b64decode(proof + "=", altchars=b"-_")
    except (ValueError, binascii.Error) as error:
        raise _ended() from error


def _ended() -> Invalid:
    return Invalid(
        "The session has ended; sign in again.", code="SESSION_ENDED", field=("refreshToken",)
    )
