"""The nearest known name to one that is not known."""

from collections.abc import Iterable
from difflib import get_close_matches


def nearest(name: str, known: Iterable[str]) -> str | None:
    """Return the known name that `name` most likely stands for, if any is near."""
    names = sorted(set(known))
    if name.casefold() in (lower := {known.casefold(): known for known in names}):
        return lower[name.casefold()]
    if close := get_close_matches(name, names, n=1, cutoff=0.6):
        return close[0]
    # `quantity_total` for `quantity`, `order` for `order_placed`.
    if len(name) > 2:
        parts = [known for known in names if name in known or (len(known) > 2 and known in name)]
        return min(parts, key=len, default=None)
    return None


def did_you_mean(name: str, known: Iterable[str], prefix: str = "") -> str:
    """Word a hint: the nearest known name, or a few that there are."""
    names = sorted(set(known))
    if near := nearest(name, names):
        return f"did you mean `{prefix}{near}`?"
    if not names:
        return ""
    if len(names) <= 12:
        return "there is " + listed([f"`{prefix}{known}`" for known in names])
    return ""


def listed(words: Iterable[str], joint: str = "and") -> str:
    """Join words as prose does: `a, b and c`."""
    *front, last = words
    return f"{', '.join(front)} {joint} {last}" if front else last
