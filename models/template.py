"""Templates: what a message says, in Liquid."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """One version of it. Rules know it by its channel and name, and get the newest.

    `subject` is the subject of an e-mail, the title of a push notification, the name of the webhook
    that is called, and empty for a text message. Only an e-mail may have `html`. `topic` is what
    people can refuse without refusing the channel.
    """

    channel: str
    name: str
    subject: str
    text: str
    html: str | None = None
    topic: str = ""
    version: int = 1
    updated_at: datetime | None = None
    updated_by: str | None = None

    @property
    def id(self) -> str:
        """Return what this version is kept under."""
        return f"{self.channel}/{self.name}@{self.version}"
