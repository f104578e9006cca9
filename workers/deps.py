"""What handlers may reach."""

from dataclasses import dataclass

from services.audiences import Platforms
from services.deliveries import Couriers
from services.dispatch import Dispatch
from services.lanes import Lanes
from services.occurrences import Occasions


@dataclass(frozen=True, slots=True)
class Deps:
    """Built once per worker process, inside its event loop."""

    lanes: Lanes
    dispatch: Dispatch
    couriers: Couriers
    occasions: Occasions
    platforms: Platforms
