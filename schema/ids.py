"""Global ids: opaque to clients, a type and a key to us."""

import base64
import binascii

from models.errors import NotFound

_URLSAFE = bytes.maketrans(b"+/", b"-_")


def to_global(kind: str, key: str) -> str:
    """Return the id under which the API shows `key` of type `kind`."""
    # What base64.urlsafe_b64encode does, without what it does besides: feeds show many.
    text = binascii.b2a_base64(f"{kind}:{key}".encode(), newline=False)
    return text.translate(_URLSAFE).rstrip(b"=").decode()


def split_global(text: str, *field: str) -> tuple[str, str]:
    """Return the type and the key of a global id; raise NotFound for anything else.

    `field` is where the input has it.
    """
    try:
        padded = text + "=" * (-len(text) % 4)
        kind, colon, key = (
            base64.b64decode(padded, altchars=b"-_", validate=True).decode().partition(":")
        )
    except (ValueError, binascii.Error) as error:
        raise _nothing(field) from error
    if not (colon and kind and key) or "\0" in key or len(key) > 200:
        raise _nothing(field)
    return kind, key


def from_global(kind: str, text: str, *field: str) -> str:
    """Return the key of a global id of type `kind`; raise NotFound if it is of another type."""
    found, key = split_global(text, *field)
    if found != kind:
        raise _nothing(field)
    return key


def _nothing(field: tuple[str, ...]) -> NotFound:
    return NotFound("Nothing has this id.", field=field)
