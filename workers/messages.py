"""Background work on messages and calls of webhooks."""

from workers.deps import Deps


async def send_messages(deps: Deps, ids: str) -> None:
    """Have those of these effects (ids, separated by commas) that wait delivered.

    Safe to run twice: an effect is claimed before it is sent.
    """
    await deps.dispatch.take(ids.split(","))
