"""The two clocks as long-running work sees them: business time and wall time."""

from datetime import datetime
from typing import Protocol


class Clock(Protocol):
    """`now` is what rules and runs live in; `wall` is real and measures leases and sweeps."""

    def now(self) -> datetime: ...

    def wall(self) -> datetime: ...
