"""What handlers may reach."""

from dataclasses import dataclass

from services.lanes import Lanes
from services.messages import Mail
from services.occurrences import Occasions


@dataclass(frozen=True, slots=True)
class Deps:
    """Built once per worker process, inside its event loop."""

    lanes: Lanes
    mail: Mail
    occasions: Occasions
