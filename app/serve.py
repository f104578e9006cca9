"""The API served over HTTP until SIGTERM."""

import sys
from collections.abc import Mapping
from contextlib import suppress
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


# In each of its rounds uvloop takes one new connection from a socket that listens. In a storm a
# round takes milliseconds, and people would wait for seconds where nobody sees them. So the loop
# knows the one socket by so many names, and takes as many connections in a round.
LISTENERS = 16


def run(settings: Settings) -> None:
    """Serve. Ends the process, having said why, if the address cannot be had."""
    app = build(settings)
    settle()
    config = uvicorn.Config(app, host=settings.host, port=settings.port, log_level="info", **SERVED)
    listening = config.bind_socket()
    server = uvicorn.Server(config)
    with suppress(KeyboardInterrupt):
        server.run([listening, *(listening.dup() for _ in range(LISTENERS - 1))])
    if not server.started:
        sys.exit("The API did not start.")
