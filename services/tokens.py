"""Access tokens: signed, short-lived, and checked without asking the database."""

import hmac
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import jwt

from models.errors import Unauthenticated
from models.principal import Principal, Role

_ALGORITHM = "HS256"
_ISSUER = "fanfare"
LIFETIME = timedelta(minutes=15)
_REQUIRED = ["iss", "sub", "sid", "roles", "iat", "exp"]


@dataclass(frozen=True, slots=True)
class Access:
    """What a valid token or key says: who, and until when (None: until it is revoked)."""

    principal: Principal
    expires_at: datetime | None


class Tokens:
    """Signs and reads access tokens with one key and one algorithm."""

    def __init__(self, key: str) -> None:
        self._key = key

    def issue(self, principal: Principal, *, now: datetime) -> tuple[str, datetime]:
        """Return a token for this caller and when it expires. Equal calls give equal tokens."""
        issued = now.replace(microsecond=0)
        expires = issued + LIFETIME
        claims = {
            "iss": _ISSUER,
            "sub": principal.user_id,
            "sid": principal.session_id,
            "roles": sorted(role.value for role in principal.roles),
            "iat": int(issued.timestamp()),
            "exp": int(expires.timestamp()),
        }
        return jwt.encode(claims, self._key, algorithm=_ALGORITHM), expires

    def read(self, token: str, *, now: datetime) -> Access:
        """Return what a token says. Raises Unauthenticated if it is forged, broken or too old."""
        try:
            claims = jwt.decode(
                token,
                self._key,
                algorithms=[_ALGORITHM],
                issuer=_ISSUER,
                # Times are checked below, against the caller's clock instead of the library's.
                options={"require": _REQUIRED, "verify_exp": False, "verify_iat": False},
            )
            expires = datetime.fromtimestamp(int(claims["exp"]), UTC)
            principal = Principal(
                user_id=str(claims["sub"]),
                roles=frozenset(Role(role) for role in claims["roles"]),
                session_id=str(claims["sid"]),
            )
        except (jwt.InvalidTokenError, ValueError, TypeError) as error:
            raise Unauthenticated("The access token is not valid.") from error
        if expires <= now:
            raise Unauthenticated("The access token has expired.", code="TOKEN_EXPIRED")
        return Access(principal, expires)

    def derive(self, *parts: str) -> bytes:
        """Return 256 bits that only the holder of the key can make, the same for equal parts."""
        return hmac.digest(self._key.encode(), "|".join(parts).encode(), "sha256")
