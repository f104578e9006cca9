"""A web server that keeps what it is sent, and misbehaves when told to."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Manner(StrEnum):
    """How the server answers."""

    PLAIN = "plain"
    SILENT = "silent"  # never
    SLOW = "slow"  # a byte a second
    ENDLESS = "endless"  # and goes on answering
    HANGS_UP = "hangs up"  # after it has read the request


@dataclass(frozen=True, slots=True)
class Received:
    path: str
    headers: dict[str, str]
    body: bytes
    at: float = field(default_factory=time.monotonic)


@dataclass(slots=True)
class Sink:
    """What has arrived, oldest first. `status` and `manner` say how the next ones are answered."""

    url: str = ""
    received: list[Received] = field(default_factory=list)
    status: int = 200
    manner: Manner = Manner.PLAIN
    headers: dict[str, str] = field(default_factory=dict)
    closing: threading.Event = field(default_factory=threading.Event)

    def reset(self) -> None:
        """Forget everything and behave."""
        self.received.clear()
        self.headers.clear()
        self.status, self.manner = 200, Manner.PLAIN


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    sink: Sink

    def do_POST(self) -> None:
        """Take one request."""
        sink = self.sink
        length = int(self.headers.get("content-length", 0))
        headers = {name.lower(): value for name, value in self.headers.items()}
        sink.received.append(Received(self.path, headers, self.rfile.read(length)))
        match sink.manner:
            case Manner.SILENT:
                sink.closing.wait(60)
                self.close_connection = True
            case Manner.SLOW:
                for byte in b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n":
                    self.wfile.write(bytes([byte]))
                    if sink.closing.wait(1):
                        break
                self.close_connection = True
            case Manner.ENDLESS:
                self.wfile.write(b"HTTP/1.1 200 OK\r\n\r\n")
                while not sink.closing.is_set():
                    self.wfile.write(b"x" * 4096)
                self.close_connection = True
            case Manner.HANGS_UP:
                self.close_connection = True
            case Manner.PLAIN:
                self.send_response(sink.status)
                for name, value in sink.headers.items():
                    self.send_header(name, value)
                self.send_header("content-length", "0")
                self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: Any) -> None:
        """Clients that leave in the middle are what it is for."""


@contextmanager
def running() -> Iterator[Sink]:
    """Run the web server on loopback, in threads, for the length of a `with` block."""
    sink = Sink()
    handler = type("Handler", (_Handler,), {"sink": sink})
    with _Server(("127.0.0.1", 0), handler) as server:
        sink.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield sink
        finally:
            sink.closing.set()
            server.shutdown()
            thread.join()
