"""Background work on messages."""

from services import messages
from workers.deps import Deps


async def send_messages(deps: Deps, ids: str) -> None:
    """Deliver those of these messages (ids, separated by commas) that wait.

    Safe to run twice: a message is claimed before it is sent.
    """
    await messages.deliver(ids.split(","), deps.mail)
