"""E-mail addresses: what one looks like, and the one form it is kept in."""

import re
import unicodedata

from models.errors import Invalid

_LONGEST = 254
_LONGEST_LOCAL = 64
_LOCAL = re.compile(r"[^\s@\"(),:;<>\[\]\\\x00-\x1f]+")
_LABEL = re.compile(r"[^\W_]([^\W_]|-)*")


def normalised(text: str) -> str:
    """Return the address in the form it is kept and compared in. Raises Invalid for any other text.

    Letter case is dropped in the local part too: no provider that matters tells case apart,
    and people do not type it twice alike.
    """
    address = unicodedata.normalize("NFC", text.strip())
    if len(address) > _LONGEST:
        raise _wrong(
            f"An e-mail address has at most {_LONGEST} characters; this has {len(address)}."
        )
    local, at, domain = address.rpartition("@")
    if not (at and _LOCAL.fullmatch(local)) or ".." in local or local[0] == "." or local[-1] == ".":
        raise _wrong("This is not an e-mail address, as name@example.com is.")
    if len(local) > _LONGEST_LOCAL:
        raise _wrong(f"An e-mail address has at most {_LONGEST_LOCAL} characters before the @.")
    labels = domain.split(".")
    if len(labels) < 2 or not all(
        len(label) <= 63 and _LABEL.fullmatch(label) and label[-1] != "-" for label in labels
    ):
        raise _wrong("This is not an e-mail address, as name@example.com is.")
    return address.lower()


def _wrong(message: str) -> Invalid:
    return Invalid(message, field=("email",))
