"""Templates: what a message says, in Liquid."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """Known to rules by its channel and name. `html` is optional; `version` counts edits."""

    channel: str
    name: str
    subject: str
    text: str
    html: str | None = None
    version: int = 1
    updated_at: datetime | None = None
    updated_by: str | None = None
