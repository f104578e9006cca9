"""Every way the system says no. Services raise these; the API turns them into `userErrors`."""

STALE = "This was changed by someone else; read it again and retry."


class DomainError(Exception):
    """Something expected went wrong. `code` is stable; `field` is the input at fault, as a path."""

    code = "INVALID"

    def __init__(
        self, message: str, *, code: str | None = None, field: tuple[str, ...] = ()
    ) -> None:
        self.message = message
        self.code = code or type(self).code
        self.field = field
        super().__init__(message)

    @property
    def parts(self) -> "tuple[DomainError, ...]":
        """Return what a client is told one by one, where there is more than one thing to tell."""
        return (self,)


class Invalid(DomainError):
    """An input that cannot be accepted as it is."""

    code = "INVALID"


class NotFound(DomainError):
    """Nothing has this id, or the caller may not know that something has."""

    code = "NOT_FOUND"


class Conflict(DomainError):
    """It was possible, but not in the state that the thing is in now."""

    code = "CONFLICT"


class Unauthenticated(DomainError):
    """The caller must sign in (again)."""

    code = "UNAUTHENTICATED"


class Forbidden(DomainError):
    """The caller is known and may not do this."""

    code = "FORBIDDEN"


class RateLimited(DomainError):
    """Too many tries; worth trying again after `retry_after` seconds."""

    code = "RATE_LIMITED"

    def __init__(self, message: str, *, retry_after: float) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class Unavailable(DomainError):
    """A part we need is away for now; nothing was done."""

    code = "UNAVAILABLE"
