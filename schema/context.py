"""What resolvers can reach: built once per request, or per connection for subscriptions."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeAlias

import strawberry

from models.errors import Unauthenticated
from models.principal import Principal
from models.store import Stores
from services.activity import Activity
from services.api_keys import Keys
from services.audit import Recorder
from services.claims import Claims
from services.clock import Clock
from services.groups import Groups
from services.jobs import Jobs
from services.loaders import Loaders
from services.passwords import Passwords
from services.rulebook import Rulebook
from services.seals import Seals
from services.suppression import Suppression
from services.tokens import Tokens


@dataclass(slots=True, kw_only=True)
class Context:
    """`principal` is None for a caller who has not signed in."""

    stores: Stores
    loaders: Loaders
    jobs: Jobs
    clock: Clock
    rulebook: Rulebook
    activity: Activity
    claims: Claims
    groups: Groups
    recorder: Recorder
    passwords: Passwords
    tokens: Tokens
    suppression: Suppression
    seals: Seals
    keys: Keys
    request_id: str
    address: str = ""
    client: str = ""
    dev: bool = False
    # Whether one answer can follow another, as they do over WebSocket and server-sent events.
    can_follow: bool = True
    # Whether webhooks may lead to addresses that are not public.
    private_targets: bool = False
    principal: Principal | None = None
    # When the caller's access token ends: sockets outlive the request that brought it.
    expires_at: datetime | None = None
    # Where a client of server-sent events was when its connection broke: more than what it first
    # asked for.
    last_event_id: str | None = None
    # What a WebSocket client sent with connection_init; Strawberry fills it in.
    connection_params: dict[str, Any] = field(default_factory=dict)

    @property
    def caller(self) -> Principal:
        """Return the signed-in caller. Raises Unauthenticated if there is none."""
        if self.principal is None:
            raise Unauthenticated("Sign in to do this.")
        return self.principal


Info: TypeAlias = strawberry.Info[Context, None]
