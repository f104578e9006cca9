"""How messages leave: one small class for each channel, all behind one protocol."""

from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """What is to be delivered to one person. `id` stays the same however often it is tried.

    `to` is an e-mail address, a telephone number or a URL; `devices` are where a push goes, `keys`
    what a call of a webhook is signed with.
    """

    id: str
    to: str
    name: str
    subject: str
    text: str
    html: str | None
    at: datetime
    unsubscribe: str | None = None
    devices: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()


class NotSent(Exception):
    """It certainly did not leave. `retry` says whether another try may do, `away` whether the
    channel as a whole could not be reached, which is not the message's fault; `gone` that it never
    will be again; `ill` that it is not well, whoever's fault that is; `after` how many seconds we
    were asked to wait.
    """

    def __init__(
        self,
        reason: str,
        *,
        retry: bool,
        away: bool = False,
        gone: bool = False,
        ill: bool = False,
        after: float | None = None,
    ) -> None:
        self.reason = reason
        self.gone = gone
        self.ill = ill
        self.retry = retry
        self.away = away
        self.after = after
        super().__init__(reason)


class Unclear(Exception):
    """It may have left or not: the other side stopped answering at the wrong moment."""


class Outlet(Protocol):
    """A channel in use. One delivery at a time."""

    async def send(self, message: Message) -> None:
        """Deliver the message. Raises NotSent or Unclear."""


class Channel(Protocol):
    """Opening is cheap: whatever it connects to is reached with the first message."""

    def open(self) -> AbstractAsyncContextManager[Outlet]:
        """Return an outlet to be used and closed."""
