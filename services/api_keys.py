"""API keys: made, listed, revoked, and recognised."""

import base64
import hashlib
import hmac
import re
import secrets
from collections.abc import Collection
from datetime import datetime, timedelta

from models.api_key import PREFIX, ApiKey, Scope
from models.errors import Conflict, Invalid, Unauthenticated
from models.ids import new_id
from models.principal import Principal, Role
from models.store import Stores
from services.recent import Recent
from services.tokens import Access, Tokens

MOST = 200
SHOWN_AGAIN = timedelta(minutes=10)
_FORM = re.compile(rf"{PREFIX}([0-9A-Za-z]{{26}})_([A-Za-z0-9_-]{{43}})")


async def create(
    name: str,
    scopes: Collection[Scope],
    *,
    expires_at: datetime | None = None,
    request: str | None = None,
    caller: Principal,
    stores: Stores,
    tokens: Tokens,
    now: datetime,
) -> tuple[ApiKey, str]:
    """Make a key; return it and the text to hand over.

    Asked once more for the same by the same `request`, this returns the same for ten minutes: the
    first answer may have been lost on its way. Raises Invalid; Conflict for more than 200 keys that
    are not revoked, and for a request that has made another key (KEY_USED) or one that is not
    shown any more (ALREADY_MADE).
    """
    name = " ".join(name.split())
    if not 0 < len(name) <= 100 or not name.isprintable():
        raise Invalid("A key's name has 1 to 100 printable characters.", field=("name",))
    if not scopes:
        raise Invalid("Say what the key is for: at least one scope.", field=("scopes",))
    if (made := await stores.api_keys.find_request(request)) is not None:
        return _again(made, name, scopes, expires_at, tokens=tokens, now=now)
    if expires_at is not None and expires_at <= now:
        raise Invalid("That time has passed.", field=("expiresAt",))
    if await stores.api_keys.count() >= MOST:
        raise Conflict(f"There are {MOST} keys in use; revoke one that is not needed.")
    key_id, salt = new_id(), secrets.token_hex(32)
    secret = _secret(key_id, salt, tokens)
    key = ApiKey(
        id=key_id,
        name=name,
        scopes=frozenset(scopes),
        hashed=_hash(secret),
        made_by=caller.user_id,
        made_at=now,
        expires_at=expires_at,
        request=request,
        salt=None if request is None else salt,
    )
    made = await stores.api_keys.add(key)
    if made.id != key.id:
        return _again(made, name, scopes, expires_at, tokens=tokens, now=now)
    return key, f"{PREFIX}{key.id}_{secret}"


class Keys:
    """Recognises keys; one per process. A look is good for two seconds."""

    def __init__(self, stores: Stores) -> None:
        self._recent = Recent(stores.api_keys.find)

    async def read(self, text: str, *, now: datetime) -> Access:
        """Return whom a key stands for and until when.

        Raises Unauthenticated alike for keys that are unknown, misspelt, expired or revoked.
        """
        refused = Unauthenticated("The API key is not valid.")
        form = _FORM.fullmatch(text)
        if form is None:
            raise refused
        key = await self._recent.find(form[1])
        # An unknown key is compared too, so that time does not tell which ids there are.
        right = hmac.compare_digest(_hash(form[2]), key.hashed if key else "0" * 64)
        if key is None or not right or not key.is_live(now):
            raise refused
        return Access(principal_of(key), key.expires_at)

    async def is_live(self, caller: Principal, *, now: datetime) -> bool:
        """Whether a caller's key still counts: for connections that outlive a check."""
        key = await self._recent.find(caller.session_id)
        return key is not None and key.is_live(now)


def principal_of(key: ApiKey) -> Principal:
    """Return the caller that a key stands for."""
    return Principal(f"key:{key.id}", frozenset({Role.INTEGRATOR}), key.id, key.scopes)


def _again(
    key: ApiKey,
    name: str,
    scopes: Collection[Scope],
    expires_at: datetime | None,
    *,
    tokens: Tokens,
    now: datetime,
) -> tuple[ApiKey, str]:
    """Return a key that was made before as it was returned then, if it may be shown again."""
    if (key.name, key.scopes, key.expires_at) != (name, frozenset(scopes), _kept(expires_at)):
        raise Conflict(
            "This idempotency key has made another API key.",
            code="KEY_USED",
            field=("idempotencyKey",),
        )
    secret = _secret(key.id, key.salt or "", tokens)
    # The server's own secret may have been changed since: what is made of it is then another.
    right = hmac.compare_digest(_hash(secret), key.hashed)
    if not right or not key.is_live(now) or now - key.made_at > SHOWN_AGAIN:
        raise Conflict(
            f"{key.name!r} was made at {key.made_at:%Y-%m-%d %H:%M} UTC and is not shown again; "
            "if nobody has it, revoke it and make another with a new idempotency key.",
            code="ALREADY_MADE",
            field=("idempotencyKey",),
        )
    return key, f"{PREFIX}{key.id}_{secret}"


def _secret(key_id: str, salt: str, tokens: Tokens) -> str:
    made = tokens.derive("api_key", key_id, salt)
    return base64.urlsafe_b64encode(made).decode().rstrip("=")


def _kept(moment: datetime | None) -> datetime | None:
    """Return a time as the database keeps it: in milliseconds."""
    return moment and moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def _hash(secret: str) -> str:
    # Not a slow hash: the secret has 256 random bits, which nobody guesses.
    return hashlib.sha256(secret.encode()).hexdigest()
