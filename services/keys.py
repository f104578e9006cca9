"""Keys that callers make, so that what they ask for is done once however often they ask."""

import re

from models.errors import Invalid

KEY = re.compile(r"[^\x00-\x1f\x7f]{1,100}")


def require_key(key: str) -> str:
    """Return a key as it is. Raises Invalid for what is none."""
    if not KEY.fullmatch(key):
        raise Invalid("A key is 1 to 100 printable characters.", field=("idempotencyKey",))
    return key
