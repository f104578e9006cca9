"""Where it is kept: the only code that knows MongoDB."""

import asyncio
from dataclasses import dataclass, fields
from typing import Self, get_type_hints

import pymongo
import pymongo.errors

from models.store.accounts import Accounts
from models.store.alarms import Alarms
from models.store.api_keys import ApiKeys
from models.store.audiences import AudienceMembers, Audiences
from models.store.audit import Audit, AuditDrafts, AuditMarks
from models.store.audit_states import AuditStates
from models.store.campaigns import Campaigns
from models.store.checks import Checks
from models.store.claims import Claims, Stocks
from models.store.codes import Codes
from models.store.counters import Counters
from models.store.credentials import Credentials
from models.store.database import Breaker, Database, Store, connect, unavailable
from models.store.deliveries import Deliveries, Positions
from models.store.draws import Draws, Entries
from models.store.effects import Effects
from models.store.erasures import Erasures
from models.store.events import Batches, Events
from models.store.facts import PersonFacts
from models.store.feed import Feed
from models.store.frequencies import Frequencies
from models.store.groups import Groups
from models.store.identities import Identities
from models.store.imports import ImportErrors, ImportPages, Imports
from models.store.leases import Leases
from models.store.letters import Letters
from models.store.limits import Limits
from models.store.looks import Looks
from models.store.measures import Measures
from models.store.memberships import Memberships
from models.store.metrics import Metrics, Reached
from models.store.migrations import Migration, migrate
from models.store.occurrences import Occurrences
from models.store.orders import Orders
from models.store.outbox import Outbox
from models.store.paces import Paces
from models.store.persons import Persons
from models.store.points import Points
from models.store.products import Coupons, Products
from models.store.programs import Programs
from models.store.progress import Progress
from models.store.publications import Publications
from models.store.redemptions import Redemptions
from models.store.runs import Runs
from models.store.segments import Segments
from models.store.servers import Servers
from models.store.sessions import Sessions
from models.store.sights import Sights
from models.store.standings import Standings
from models.store.suppressions import Suppressions
from models.store.templates import Templates
from models.store.throttles import Throttles
from models.store.timelines import Timelines
from models.store.traces import Traces
from models.store.users import Users
from models.store.webhooks import Webhooks
from models.store.workspaces import Workspaces

__all__ = ["Database", "Migration", "Store", "Stores", "connect", "ping", "prepare"]


@dataclass(frozen=True, slots=True)
class Stores:
    """Every store of one database. A new store is one more line here."""

    users: Users
    identities: Identities
    credentials: Credentials
    sessions: Sessions
    letters: Letters
    api_keys: ApiKeys
    throttles: Throttles
    workspace: Workspaces
    campaigns: Campaigns
    publications: Publications
    programs: Programs
    outbox: Outbox
    feed: Feed
    leases: Leases
    segments: Segments
    memberships: Memberships
    standings: Standings
    looks: Looks
    events: Events
    batches: Batches
    measures: Measures
    facts: PersonFacts
    persons: Persons
    sights: Sights
    runs: Runs
    occurrences: Occurrences
    paces: Paces
    timelines: Timelines
    effects: Effects
    limits: Limits
    templates: Templates
    webhooks: Webhooks
    suppressions: Suppressions
    audiences: Audiences
    audience_members: AudienceMembers
    frequencies: Frequencies
    alarms: Alarms
    deliveries: Deliveries
    positions: Positions
    servers: Servers
    metrics: Metrics
    reached: Reached
    products: Products
    coupons: Coupons
    progress: Progress
    imports: Imports
    import_pages: ImportPages
    import_errors: ImportErrors
    claims: Claims
    stocks: Stocks
    groups: Groups
    draws: Draws
    entries: Entries
    checks: Checks
    traces: Traces
    counters: Counters
    redemptions: Redemptions
    codes: Codes
    orders: Orders
    points: Points
    accounts: Accounts
    audit_drafts: AuditDrafts
    audit: Audit
    audit_marks: AuditMarks
    audit_states: AuditStates
    erasures: Erasures

    @classmethod
    def over(cls, database: Database, *, patience: float | None = None) -> Self:
        """Build all of them over `database`. No operation of theirs takes longer than `patience`.

        That is for callers who are waiting themselves; workers take the time that it takes.
        """
        kinds = get_type_hints(cls)
        stores = cls(
            **{field.name: kinds[field.name](database, patience=patience) for field in fields(cls)}
        )
        server = Breaker()
        for store in stores.all():
            store.server = server
        return stores

    def all(self) -> tuple[Store, ...]:
        """Return every store, in the order declared."""
        return tuple(getattr(self, field.name) for field in fields(self))


async def prepare(database: Database) -> tuple[Migration, ...]:
    """Bring indexes and stored documents up to date; return the migrations applied.

    Safe to repeat, and safe to run from several processes at once.
    """
    try:
        await asyncio.gather(*(store.ensure_indexes() for store in Stores.over(database).all()))
        return await migrate(database)
    except pymongo.errors.PyMongoError as error:
        raise unavailable(error) or error from error


async def ping(database: Database) -> None:
    """Raise Unavailable unless MongoDB answers and can be written to."""
    try:
        with pymongo.timeout(2):
            await database.command("ping")
    except pymongo.errors.PyMongoError as error:
        raise unavailable(error) or error from error
