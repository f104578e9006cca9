"""The API served over HTTP until SIGTERM."""

import uvicorn

from app.asgi import build
from app.settings import Settings


def run(settings: Settings) -> None:
    """Serve. Requests under way get ten seconds to end."""
    uvicorn.run(
        build(settings),
        host=settings.host,
        port=settings.port,
        access_log=False,
        log_level="info",
        server_header=False,
        timeout_graceful_shutdown=10,
        ws_max_size=64 * 1024,
        # What is sent is small; compressing it would cost each connection more than it saves.
        ws_per_message_deflate=False,
    )
