"""Identifiers: ULIDs, so that an id sorts by the time it was made."""

from ulid import ULID


def new_id() -> str:
    """Return a fresh id of 26 characters, unique without coordination."""
    return str(ULID()).lower()
