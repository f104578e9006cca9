"""How much work waits: beyond a depth nothing more is taken in until some of it is done."""

import time
from dataclasses import dataclass
from weakref import WeakKeyDictionary

from models.errors import RateLimited
from models.store import Stores
from models.store.events import Events

MOST = 100_000  # events that wait, about a minute's work
FRESH = 1.0  # seconds for which a count is good
RETRY_AFTER = 5.0


@dataclass(slots=True)
class _Depth:
    counted: int = 0
    stale_at: float = 0.0


_DEPTHS: WeakKeyDictionary[Events, _Depth] = WeakKeyDictionary()


async def admit(stores: Stores) -> None:
    """Raise RateLimited while too many events wait. Asks the database once a second at most."""
    depth = _DEPTHS.setdefault(stores.events, _Depth())
    if time.monotonic() >= depth.stale_at:
        # Marked before the count: of many who come at once, one counts.
        depth.stale_at = time.monotonic() + FRESH
        depth.counted = await stores.events.count_pending(most=MOST + 1)
    if depth.counted > MOST:
        raise RateLimited(
            f"More than {MOST:,} events wait to be worked on; send this again later.",
            retry_after=RETRY_AFTER,
        )
