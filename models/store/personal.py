"""What each collection holds of people, and what becomes of it when a person is erased.

Where sums, limits or draws would not come out without it, a person's id stays. With their own
document and their identities gone it is nobody's: it tells apart, and tells nothing.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from models.store import blanks
from models.store.blanks import Change
from models.store.database import Document


class Fate(StrEnum):
    DELETED = "deleted"  # the whole document
    BLANKED = "blanked"  # what is personal in it
    KEPT = "kept"  # ids, times and amounts, and nothing else
    NOBODY = "nobody's"  # it is not about people


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """One collection. `whose` is the path of the id of the person whom a document is about.

    `paths` hold personal data. `secret` ones would let in whoever knew them: they are not exported.
    Where several people's things lie in one document, `among` is the list of them.
    """

    collection: str
    holds: str
    fate: Fate
    whose: str | None = None
    paths: tuple[str, ...] = ()
    secret: tuple[str, ...] = ()
    among: str | None = None
    find: Callable[[str], Document] | None = None
    # Of what is blanked: which documents go all the same, which must wait, and the update.
    gone: Mapping[str, object] = field(default_factory=dict)
    ready: Mapping[str, object] = field(default_factory=dict)
    change: Change | Callable[[str], Change] = field(default_factory=dict)

    @property
    def is_personal(self) -> bool:
        return self.whose is not None or self.find is not None

    def query(self, user_id: str) -> Document:
        """Return what finds the documents that are about a person."""
        if self.find is not None:
            return self.find(user_id)
        assert self.whose is not None
        return {self.whose: {"$eq": user_id}}


def _audited(user_id: str) -> Document:
    return {"$or": [{"by.id": {"$eq": user_id}}, {"about": {"$eq": f"User:{user_id}"}}]}


def _deleted(collection: str, whose: str, holds: str, *paths: str, secret: str = "") -> Holding:
    return Holding(
        collection=collection,
        holds=holds,
        fate=Fate.DELETED,
        whose=whose,
        paths=paths,
        secret=(secret,) if secret else (),
    )


def _kept(collection: str, whose: str, holds: str, among: str | None = None) -> Holding:
    return Holding(collection=collection, holds=holds, fate=Fate.KEPT, whose=whose, among=among)


def _nobodys(collection: str, holds: str) -> Holding:
    return Holding(collection=collection, holds=holds, fate=Fate.NOBODY)


# In the order in which they are gone through: first what lets someone in and finds them.
HOLDINGS: tuple[Holding, ...] = (
    _deleted(
        "sessions",
        "user_id",
        "where they are signed in, and with which program",
        "client",
        secret="salt",
    ),
    _deleted("credentials", "_id", "the hash of their password", "password", secret="password"),
    _deleted("letters", "user", "mail about the account, three days", "email", "name"),
    _deleted(
        "identities",
        "user",
        "the hash of their address, their ids in other systems, visitors who turned out to be them",
        "_id",
    ),
    _deleted(
        "users",
        "_id",
        "profile, consents, attributes, tags, what is counted of their events",
        "email",
        "phone",
        "devices",
        "name",
        "locale",
        "timezone",
        "birthday",
        "birthday_day",
        "tags",
        "consent",
        "attributes",
        "facts",
        "moves",
        "recheck",
        "missed",
    ),
    _deleted("memberships", "user", "which segments they are in, and why", "why"),
    _deleted("reached", "user", "which campaigns have reached them", "_id", "campaign"),
    _deleted("frequencies", "_id", "which marketing they were sent of late", "sent"),
    Holding(
        collection="events",
        whose="user",
        fate=Fate.BLANKED,
        paths=("data", "dead"),
        holds="what they did; without its data it still refuses to be told again",
        change=blanks.EVENT,
    ),
    Holding(
        collection="runs",
        whose="user",
        fate=Fate.BLANKED,
        paths=("event", "bound", "granted", "unsettled", "reason"),
        holds="their journeys; those under way end",
        gone={"state": "planned"},
        ready={"unsettled": {"$exists": False}},
        change=blanks.RUN,
    ),
    Holding(
        collection="effects",
        whose="user",
        fate=Fate.BLANKED,
        paths=("to", "subject", "data", "reason", "clicked_url"),
        holds="what was done to them: messages with address, subject and a link followed",
        change=blanks.EFFECT,
    ),
    Holding(
        collection="outbox",
        whose="user",
        fate=Fate.BLANKED,
        paths=("data",),
        holds="what the feed is about to tell of them",
        change=blanks.OUTBOX,
    ),
    Holding(
        collection="alarms",
        whose="user",
        fate=Fate.BLANKED,
        paths=("data",),
        holds="alerts of what is being set aside, for moments",
        change=blanks.OUTBOX,
    ),
    Holding(
        collection="feed",
        whose="entries.user",
        among="entries",
        fate=Fate.BLANKED,
        paths=("entries.data",),
        change=blanks.feed,
        holds="what was told of them, thirty days: ids and amounts stay, texts and reasons go",
    ),
    Holding(
        collection="deliveries",
        whose="entry.user",
        fate=Fate.BLANKED,
        paths=("entry.data",),
        holds="the same, on its way to webhooks",
        change=blanks.DELIVERY,
    ),
    _deleted(
        "audience_members",
        "user",
        "of which audiences platforms were told; gone once they have been told to forget",
        "hashed",
    ),
    _kept("orders", "user", "orders: amounts, promotions, what was bought"),
    _kept("redemptions", "user", "orders under way"),
    _kept("points", "user", "the ledger of points"),
    _kept("accounts", "_id", "what the ledger comes to"),
    _kept("codes", "user", "codes that only they could use"),
    _kept("claims", "user", "places in flash sales"),
    _kept("groups", "members.user", "places in group buys", among="members"),
    _kept("entries", "user", "tickets in lotteries"),
    _kept("counters", "user", "how often each promotion was used, by whom"),
    Holding(
        collection="audit",
        fate=Fate.KEPT,
        find=_audited,
        holds="what they changed, and what was changed about them",
    ),
    _kept("audit_drafts", "by.id", "the same, before it has its place"),
    _kept("erasures", "_id", "that they were erased, and when"),
    Holding(
        collection="api_keys",
        whose="made_by",
        fate=Fate.KEPT,
        secret=("hashed", "salt"),
        holds="keys, and who of the staff made them",
    ),
    _nobodys("suppressions", "addresses that are not written to, as keyed hashes: they stay"),
    _nobodys("throttles", "tries, by hashes of addresses, for fifteen minutes: they are deleted"),
    _nobodys("metrics", "what came of campaigns, as numbers"),
    _nobodys("campaigns", "rules, and the ids of the staff who wrote and approved them"),
    _nobodys("publications", "rules as they were published, and by whom of the staff"),
    _nobodys("programs", "the same, compiled"),
    _nobodys("templates", "what messages say before names are filled in"),
    _nobodys("workspace", "settings"),
    _nobodys("webhooks", "other systems"),
    _nobodys("audiences", "segments that platforms are told of; for a moment, ids of whom to tell"),
    _nobodys("positions", "how far readers of the feed have come"),
    _nobodys("audit_marks", "where the audit log begins and ends"),
    _nobodys("audit_states", "seals of what the log is about, of the staff's roles too"),
    _nobodys("servers", "servers of others that do not answer"),
    _nobodys("batches", "how many events came when"),
    _nobodys("measures", "what is counted of events"),
    _nobodys("occurrences", "times at which journeys start"),
    _nobodys("paces", "how far starts are spread"),
    _nobodys("limits", "how many journeys a trigger has started"),
    _nobodys("materialisations", "how far segments are filled"),
    _nobodys("products", "products"),
    _nobodys("coupons", "coupons of the imported data"),
    _nobodys("imports", "how far imports have come"),
    _nobodys("import_pages", "rows of files, of whomever, until they are worked on: minutes"),
    _nobodys("import_errors", "why rows were refused, by their numbers, without what they say"),
    _nobodys("progress", "how far the demo's import has come"),
    _nobodys("stocks", "how many there are"),
    _nobodys("draws", "lotteries: tickets that won, without names"),
    _nobodys("leases", "which process does what"),
    _nobodys("migrations", "what was changed in the database"),
)
