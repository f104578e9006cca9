"""Who is in a segment that is live, and which segments a person is in, as they are kept."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from weakref import WeakKeyDictionary

from models.errors import Conflict, NotFound
from models.membership import Membership
from models.paging import Page, Window
from models.principal import Principal
from models.store import Stores
from models.store.memberships import Memberships
from models.user import STAFF, User
from services.rulebook import Rulebook
from services.together import Together


@dataclass(frozen=True, slots=True)
class Member:
    membership: Membership
    user: User


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """The members of a segment, or those whom a publication added: in pages, and how many."""

    stores: Stores
    segment: str
    number: int
    publication: int | None = None

    async def page(self, window: Window) -> Page[Member]:
        """Return one page."""
        page = await self.stores.memberships.page(
            self.segment, self.number, window, publication=self.publication
        )
        users = await self.stores.users.find_many([each.user_id for each in page.items])
        items = [Member(e, users[e.user_id]) for e in page.items if e.user_id in users]
        return Page(items=items, more=page.more)

    async def count(self) -> int:
        """Return how many there are."""
        return await self.stores.memberships.count(
            self.segment, self.number, publication=self.publication
        )


async def listing(
    segment: str, *, publication: int | None = None, stores: Stores, rulebook: Rulebook
) -> Listing:
    """Return the members of a segment. Raises NotFound if there is none, Conflict if not yet."""
    standing = await stores.standings.get()
    number = standing.live.get(segment)
    if number is not None:
        return Listing(stores=stores, segment=segment, number=number, publication=publication)
    current = await rulebook.current()
    if segment in current.program.segments:
        raise Conflict(
            f"Segment {segment} was just published and is being filled; ask again in a moment.",
            code="BEING_FILLED",
            field=("segment",),
        )
    raise NotFound(f"There is no segment {segment[:100]!r} that is live.", field=("segment",))


async def of_user(
    user_id: str, *, caller: Principal | None, stores: Stores
) -> list[Membership] | None:
    """Return the segments that a person is in; None to whoever is not the shop's own staff.

    Those who ask at one moment, as for each of a list of people, share a read.
    """
    if caller is None or not caller.roles & STAFF:
        return None
    together = _TOGETHER.get(stores.memberships)
    if together is None:
        together = _TOGETHER[stores.memberships] = Together(_reading(stores))
    return await together(user_id)


def _reading(stores: Stores) -> Callable[[Sequence[str]], Awaitable[list[list[Membership]]]]:
    async def read(user_ids: Sequence[str]) -> list[list[Membership]]:
        standing = await stores.standings.get()
        found = await stores.memberships.of_users(user_ids, standing.live)
        return [found[user_id] for user_id in user_ids]

    return read


_TOGETHER: WeakKeyDictionary[Memberships, Together[str, list[Membership]]] = WeakKeyDictionary()
