"""A small shop for tests: real stores, real rules, clocks to turn, and bells that are counted."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from channels.gateway import Gateway, push, text_message
from channels.mail import Email
from channels.web import Client
from channels.webhook import Webhook
from models.campaign import Act
from models.event import IncomingEvent, Verdict
from models.paging import Window
from models.store import Stores
from models.template import Template
from models.user import Consent, User
from services import events, fillings, lanes, messages, occurrences, releases, sweeper, templates
from services.jobs import Job
from services.lanes import Lanes
from services.links import Links
from services.messages import Mail
from services.occurrences import Ahead, Occasions
from services.releases import RulesFile
from services.rulebook import Rulebook
from services.suppression import Suppression
from services.sweeper import Watch

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)


@dataclass
class Clock:
    """Stands still until it is turned."""

    business: datetime = NOW
    real: datetime = NOW

    def now(self) -> datetime:
        return self.business

    def wall(self) -> datetime:
        return self.real

    def turn(self, **length: float) -> None:
        self.business += timedelta(**length)
        self.real += timedelta(**length)


@dataclass
class Bells:
    """Remembers what was rung."""

    rung: list[tuple[Job, str]] = field(default_factory=list)

    async def ring(self, job: Job, args: Sequence[str]) -> None:
        self.rung += [(job, arg) for arg in args]

    def take(self, job: Job) -> list[str]:
        args = [arg for rung, arg in self.rung if rung is job]
        self.rung = [bell for bell in self.rung if bell[0] is not job]
        return list(dict.fromkeys(args))


@dataclass
class Shop:
    stores: Stores
    smtp_url: str
    gateway: str = "http://127.0.0.1:1"
    clock: Clock = field(default_factory=Clock)
    bells: Bells = field(default_factory=Bells)

    def __post_init__(self) -> None:
        self.rulebook = Rulebook(self.stores, fresh=0)
        self.suppression = Suppression(self.stores, "a key for tests")
        self.lanes = Lanes(
            stores=self.stores,
            rulebook=self.rulebook,
            jobs=self.bells,
            clock=self.clock,
            suppression=self.suppression,
        )
        self.ahead = Ahead()
        self.occasions = Occasions(
            stores=self.stores, rulebook=self.rulebook, jobs=self.bells, clock=self.clock
        )
        # Patient: a slow machine is not a server that does not answer.
        self.client = Client(private=True, total=60)
        self.links = Links("https://shop.test", "a key for tests")
        self.mail = Mail(
            links=self.links,
            suppression=self.suppression,
            stores=self.stores,
            rulebook=self.rulebook,
            clock=self.clock,
            channels={
                "email": Email(self.smtp_url, "Shop <shop@example.test>", timeout=60),
                "webhook": Webhook(self.client),
                "sms": Gateway(f"{self.gateway}/sms", "t", self.client, text_message),
                "push": Gateway(f"{self.gateway}/push", "t", self.client, push),
            },
        )

    async def publish(self, *texts: str) -> None:
        files = [
            RulesFile(f"file-{n}", f"Campaign {n}", text) for n, text in enumerate(texts, start=1)
        ]
        await releases.release(files, Act("marketer", self.clock.now()), stores=self.stores)
        await self.rulebook.refresh()

    async def template(
        self, name: str, subject: str = "Hello", text: str = "Hi", channel: str = "email", **more
    ) -> None:
        template = Template(channel=channel, name=name, subject=subject, text=text, **more)
        await templates.save(template, stores=self.stores, now=NOW, by=None)

    async def person(self, id: str = "ann", **fields: Any) -> User:
        fields = {
            "email": f"{id}@example.test",
            "name": id,
            "consent": Consent(email=True),
        } | fields
        user = User(id=id, created_at=NOW, **fields)
        await self.stores.users.add(user)
        return user

    async def tell(self, *incoming: IncomingEvent) -> list[Verdict]:
        """Take events in without working on them."""
        return await events.ingest(
            incoming,
            stores=self.stores,
            rulebook=self.rulebook,
            jobs=self.bells,
            now=self.clock.now(),
        )

    async def work(self) -> None:
        """Work on every lane that has something to do, and deliver what was rung for."""
        due = await self.stores.runs.due_lanes(self.clock.now(), paused=())
        noted = await self.stores.looks.due_lanes(self.clock.now())
        waiting = {*await self.stores.events.pending_lanes(), *due, *noted}
        if waiting:
            await lanes.work(sorted(waiting), self.lanes)
        await self.deliver()

    async def occur(self) -> None:
        """Plan what comes by the clock, carry out what has come, and work on what follows."""
        published = await self.rulebook.current()
        while True:
            await occurrences.plan_ahead(
                self.ahead,
                published,
                stores=self.stores,
                now=self.clock.now(),
                wall=self.clock.wall(),
            )
            if not await occurrences.ring_due(
                published, stores=self.stores, jobs=self.bells, clock=self.clock
            ):
                break
            for each in self.bells.take(Job.START_OCCURRENCE):
                await occurrences.work(each, self.occasions)
        await self.work()

    async def fill(self) -> None:
        """Fill segments as the live rules want them."""
        await fillings.work(stores=self.stores, rulebook=self.rulebook, clock=self.clock)

    async def members(self, segment: str) -> dict[str, str]:
        """Return who is in a segment, and why."""
        standing = await self.stores.standings.get()
        if segment not in standing.live:
            return {}
        page = await self.stores.memberships.page(
            segment, standing.live[segment], Window(limit=1000)
        )
        return {m.user_id: f"{m.cause.kind.value} {m.cause.of}".strip() for m in page.items}

    async def sweep(self) -> None:
        """Do what is done after three seconds for what nobody has rung for."""
        self.clock.real += timedelta(seconds=4)
        await sweeper.sweep(Watch(), stores=self.stores, jobs=self.bells, clock=self.clock)

    async def deliver(self) -> None:
        for job in (Job.SEND_URGENT, Job.SEND_MESSAGES, Job.CALL_WEBHOOKS):
            for ids in self.bells.take(job):
                await messages.deliver(ids.split(","), self.mail)

    async def runs(self, user: str = "ann") -> list[dict[str, Any]]:
        return await self.stores.runs.documents.find({"user": user}).sort("started_at").to_list()

    async def effects_of(self, kind: str) -> list[dict[str, Any]]:
        return await self.stores.effects.documents.find({"kind": kind}).sort("at").to_list()

    async def effects(self) -> list[dict[str, Any]]:
        return await self.stores.effects.documents.find().sort("_id").to_list()


async def undisputed() -> bool:
    """Whether nobody else fills segments: for fillers without a lease."""
    return True


def event(
    name: str, id: str, user: str = "ann", at: datetime | None = None, **data
) -> IncomingEvent:
    return IncomingEvent(id=id, name=name, user=user, at=at, data=data)
