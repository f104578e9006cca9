"""Background work on letters."""

from services import letters
from workers.deps import Deps


async def send_letter(deps: Deps, letter_id: str) -> None:
    """Send a letter that waits. Safe to run twice: it is claimed before it is sent."""
    await letters.deliver(letter_id, deps.post)
