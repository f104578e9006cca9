"""What handlers may reach."""

from dataclasses import dataclass

from services.audiences import Platforms
from services.deliveries import Couriers
from services.dispatch import Dispatch
from services.importing.working import Importing
from services.lanes import Lanes
from services.letters import Post
from services.occurrences import Occasions


@dataclass(frozen=True, slots=True)
class Deps:
    """Built once per worker process, inside its event loop."""

    lanes: Lanes
    dispatch: Dispatch
    post: Post
    couriers: Couriers
    occasions: Occasions
    platforms: Platforms
    importing: Importing
