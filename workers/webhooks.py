"""Background work on webhooks that follow the feed."""

from workers.deps import Deps


async def serve_webhook(deps: Deps, name: str) -> None:
    """Have a webhook's due deliveries made. Safe to run twice: each is claimed before it is tried.

    Returns at once: a receiver that does not answer must not keep a worker's thread.
    """
    deps.couriers.serve(name)
