"""A mail server that delivers to nobody: it keeps what it is given, in memory and as files."""

import argparse
import asyncio
import signal
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from itertools import count
from pathlib import Path
from queue import SimpleQueue

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from devserver.process import free_port

# For localhost, with its key: worth nothing to anybody.
CERTIFICATE = Path(__file__).with_name("localhost.pem")


# Without slots: aiosmtpd asks for all that this has, at which Python 3.11.2 stumbles over those.
@dataclass
class Sink:
    """What has arrived, oldest first; each also as an .eml file where a folder is given."""

    folder: Path | None = None
    messages: list[EmailMessage] = field(default_factory=list)
    url: str = ""
    # Set this to an SMTP answer (`"451 try again"`) and the sink refuses with it.
    refusal: str | None = None
    # Mail to these addresses is neither taken nor refused until they are taken out again; `waiting`
    # is how many messages that concerns now.
    held: set[str] = field(default_factory=set)
    waiting: int = 0
    _number: Iterator[int] = field(default_factory=lambda: count(1))

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: ARG002, N802
        """Take one message; aiosmtpd calls this by its name."""
        self.waiting += 1
        try:
            while not self.held.isdisjoint(envelope.rcpt_tos):  # noqa: ASYNC110 - of another thread
                await asyncio.sleep(0.005)
        finally:
            self.waiting -= 1
        if self.refusal is not None:
            return self.refusal
        content = envelope.content or b""
        raw = content.encode() if isinstance(content, str) else content
        if self.folder is None:
            message = message_from_bytes(raw, policy=policy.default)
            assert isinstance(message, EmailMessage)
            self.messages.append(message)
        else:
            # Written under another name first, so that a reader never sees half a message.
            name = f"{time.time_ns():020d}-{next(self._number):06d}.eml"
            partial = self.folder / f".{name}"
            partial.write_bytes(raw)
            partial.rename(self.folder / name)
        return "250 OK"


@contextmanager
def running(
    folder: Path | None = None, port: int | None = None, *, encrypted: bool = False
) -> Iterator[Sink]:
    """Run the mail server on loopback, in a thread, for the length of a `with` block.

    One that is `encrypted` takes mail after STARTTLS only, with the certificate CERTIFICATE.
    """
    sink = Sink(folder)
    chosen = free_port(port)
    tls = None
    if encrypted:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(CERTIFICATE)
    controller = Controller(
        sink, hostname="127.0.0.1", port=chosen, tls_context=tls, require_starttls=encrypted
    )
    controller.start()
    sink.url = f"smtp://127.0.0.1:{chosen}"
    try:
        yield sink
    finally:
        controller.stop()


def main() -> None:
    """Run as a process: `python -m devserver.smtp PORT FOLDER`, until SIGTERM."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("port", type=int)
    parser.add_argument("folder", type=Path)
    arguments = parser.parse_args()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    told = SimpleQueue[int]()  # not an event: one signal may come while another is heeded
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda number, _: told.put(number))
    with running(arguments.folder, arguments.port):
        while told.empty():  # and not `get`: the signal may have gone to another thread
            time.sleep(0.2)


if __name__ == "__main__":
    main()
