"""The workspace: the settings all rules share, and which publication is current."""

from dataclasses import dataclass, field

from models.messaging import Messaging


@dataclass(frozen=True, slots=True, kw_only=True)
class Workspace:
    """`current` is the number of the live publication, 0 for none.

    `unsettled` are publications, oldest first, whose campaigns have not all been told yet.
    `version` counts edits of the settings.
    """

    zone: str = "UTC"
    currency: str = "USD"
    retention_days: int = 730
    messaging: Messaging = field(default_factory=Messaging)
    current: int = 0
    unsettled: tuple[int, ...] = ()
    version: int = 1
