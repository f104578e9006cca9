"""The API served over HTTP until SIGTERM."""

from collections.abc import Mapping
from typing import Any

import uvicorn

from app.asgi import build
from app.collector import settle
from app.settings import Settings

# How it is served, wherever that is. Requests under way get ten seconds to end.
SERVED: Mapping[str, Any] = {
    "access_log": False,
    "server_header": False,
    "timeout_graceful_shutdown": 10,
    "ws_max_size": 64 * 1024,
    # What is sent is small; compressing it would cost each connection more than it saves.
    "ws_per_message_deflate": False,
}


def run(settings: Settings) -> None:
    """Serve."""
    app = build(settings)
    settle()
    uvicorn.run(app, host=settings.host, port=settings.port, log_level="info", **SERVED)
