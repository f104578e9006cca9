"""A campaign: rules with an aim, and the path from a first draft to the archive.

    draft → in review → approved → scheduled → running ⇄ paused → ended → archived

While a campaign is live its text can be revised: the revision goes through a review of its own,
beside the text that is live, until it is published in its place.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, Self

from models.errors import Conflict, Forbidden, Invalid
from models.feed import FeedEntry
from models.paging import EVER, Span

MAX_SOURCE = 256 * 1024


class Status(StrEnum):
    DRAFT = "draft"
    IN_REVIEW = "in_review"
    APPROVED = "approved"
    SCHEDULED = "scheduled"
    RUNNING = "running"
    PAUSED = "paused"
    ENDED = "ended"
    ARCHIVED = "archived"

    @property
    def words(self) -> str:
        return self.value.replace("_", " ")


class Channel(StrEnum):
    EMAIL = "email"
    SMS = "sms"
    PUSH = "push"
    WEBHOOK = "webhook"
    SOCIAL = "social"


LIVE = frozenset({Status.RUNNING, Status.PAUSED})
ON_THE_WAY = frozenset({Status.DRAFT, Status.IN_REVIEW, Status.APPROVED, Status.SCHEDULED})


@dataclass(frozen=True, slots=True)
class Act:
    """Who does something, when, and why they say they do."""

    by: str
    at: datetime
    why: str = ""


@dataclass(frozen=True, slots=True)
class Transition:
    """One step of a campaign's history. `verb` is a past participle, as in the feed."""

    verb: str
    before: Status
    after: Status
    act: Act


@dataclass(frozen=True, slots=True)
class Live:
    """What customers get: the text of this campaign in a publication."""

    publication: int
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Campaign:
    """`source` is the text being worked on; `revision` is where it stands while another is live.

    `writers` wrote it since it was last published, so they cannot approve it. `untold` is what the
    feed must still be told, saved with the change that it tells of, so that neither is ever alone.
    `settled` is the last publication whose outcome is noted here; `version` counts saved changes.
    `key` is the name of the file that a campaign is kept in, if one is; `request` is unique to
    what its author asked for when they began it, and `asked` is a digest of that.
    """

    id: str
    title: str
    source: str
    author: str
    created_at: datetime
    updated_at: datetime
    goal: str = ""
    channels: tuple[Channel, ...] = ()
    key: str | None = None
    request: str | None = None
    asked: str | None = None
    status: Status = Status.DRAFT
    revision: Status | None = None
    live: Live | None = None
    writers: tuple[str, ...] = ()
    scheduled_for: datetime | None = None
    ends_at: datetime | None = None
    history: tuple[Transition, ...] = ()
    untold: tuple[FeedEntry, ...] = ()
    settled: int = 0
    version: int = 0

    def __post_init__(self) -> None:
        if not self.title.strip() or len(self.title) > 200:
            raise Invalid("A title has 1 to 200 characters.", field=("title",))
        if len(self.goal) > 2_000:
            raise Invalid("A goal has at most 2,000 characters.", field=("goal",))
        if len(self.source.encode()) > MAX_SOURCE:
            raise Invalid("A campaign's rules have at most 256 KiB.", field=("source",))

    @property
    def stage(self) -> Status:
        """Where the text being worked on stands."""
        return self.revision or self.status

    @classmethod
    def draft(cls, id: str, title: str, source: str, act: Act, **more: Any) -> Self:
        """Begin a campaign."""
        empty = cls(
            id=id,
            title=title,
            source=source,
            author=act.by,
            created_at=act.at,
            updated_at=act.at,
            writers=(act.by,),
            **more,
        )
        return empty._record("created", Status.DRAFT, act)

    def edit(self, act: Act, **changes: Any) -> Self:
        """Change title, goal, channels or source. What was in review or approved is a draft again.

        While the campaign is live only another text needs review: the rest applies at once.
        """
        if self.status in (Status.ENDED, Status.ARCHIVED):
            raise Conflict(f"“{self.title}” is {self.status.words} and cannot be edited.")
        changed = replace(self, updated_at=act.at, **changes)
        if self.live and changed.source == self.source:
            return changed
        writers = self.writers if act.by in self.writers else (*self.writers, act.by)
        changed = replace(changed, writers=writers, scheduled_for=None)
        if self.stage is Status.DRAFT:
            return changed
        verb = "revised" if self.stage in LIVE else "reopened"
        return changed._to_stage(verb, Status.DRAFT, act)

    def submit(self, act: Act) -> Self:
        """Ask for approval."""
        self._require(Status.DRAFT, "a draft")
        if not self.source.strip():
            raise Invalid("There are no rules to review yet.", field=("source",))
        return self._to_stage("submitted", Status.IN_REVIEW, act)

    def approve(self, act: Act) -> Self:
        """Let it be published. Nobody approves what they wrote."""
        self._require(Status.IN_REVIEW, "in review")
        self._require_other(act.by)
        return self._to_stage("approved", Status.APPROVED, act)

    def reject(self, act: Act) -> Self:
        """Send it back to its writers, with a reason."""
        self._require(Status.IN_REVIEW, "in review")
        self._require_other(act.by)
        if not act.why.strip():
            raise Invalid("Say why it is rejected.", field=("reason",))
        return self._to_stage("rejected", Status.DRAFT, act)

    def schedule(self, act: Act, at: datetime) -> Self:
        """Have it published at a later time; a scheduled one can be given another time."""
        self.require_publishable()
        if at <= act.at:
            raise Invalid("That time has passed.", field=("at",))
        return replace(self, scheduled_for=at)._to_stage(
            "scheduled", Status.SCHEDULED, act, scheduled_for=at
        )

    def miss_schedule(self, act: Act) -> Self:
        """Note that it could not be published when it was due."""
        self._require(Status.SCHEDULED, "scheduled")
        return replace(self, scheduled_for=None)._to_stage(
            "publication_failed", Status.APPROVED, act
        )

    def was_just_published(self, by: str) -> bool:
        """Whether publishing it is the last that has happened to it, and who did so."""
        last = self.history[-1]
        return self.live is not None and last.verb == "published" and last.act.by == by

    def require_publishable(self) -> None:
        """Raise Conflict unless the text has been approved."""
        if self.stage is not Status.SCHEDULED:
            self._require(Status.APPROVED, "approved")

    def require_live(self) -> None:
        """Raise Conflict unless customers get this campaign now, or would but for a pause."""
        if self.status not in LIVE:
            raise Conflict(f"“{self.title}” is {self.status.words}, not running.")

    def go_live(self, live: Live, verb: str, act: Act, *, ends_at: datetime | None = None) -> Self:
        """Note that a publication has made this text live, whatever has happened here meanwhile.

        Changes made since then become a revision beside it.
        """
        pending = self.revision if self.live else self.status if self.status in ON_THE_WAY else None
        changed = replace(self, live=live, settled=live.publication, ends_at=ends_at)
        if pending is None or live.source == self.source:
            changed = replace(
                changed, source=live.source, revision=None, writers=(), scheduled_for=None
            )
        else:
            changed = replace(changed, revision=pending)
        status = Status.PAUSED if self.status is Status.PAUSED else Status.RUNNING
        return replace(
            changed._record(verb, status, act, publication=live.publication), status=status
        )

    def pause(self, act: Act) -> Self:
        """Stop serving it, for now: its promotions do not apply and its journeys wait."""
        if self.status is not Status.RUNNING:
            raise Conflict(f"“{self.title}” is {self.status.words}, not running.")
        return replace(self._record("paused", Status.PAUSED, act), status=Status.PAUSED)

    def resume(self, act: Act) -> Self:
        """Go on after a pause."""
        if self.status is not Status.PAUSED:
            raise Conflict(f"“{self.title}” is {self.status.words}, not paused.")
        return replace(self._record("resumed", Status.RUNNING, act), status=Status.RUNNING)

    def outlive(self, act: Act) -> Self:
        """Keep it running past its end, because others need what it declares."""
        self.require_live()
        return replace(self._record("kept", self.status, act), ends_at=None)

    def go_off(self, publication: int, act: Act) -> Self:
        """Note that a publication has left this campaign out. A revision under way is dropped."""
        ended = self._record("ended", Status.ENDED, act, publication=publication)
        return replace(
            ended,
            status=Status.ENDED,
            settled=publication,
            live=None,
            revision=None,
            writers=(),
            scheduled_for=None,
            ends_at=None,
        )

    def archive(self, act: Act) -> Self:
        """Put it away for good: after its end, or a draft that came to nothing."""
        if self.status not in (Status.ENDED, Status.DRAFT):
            raise Conflict(f"“{self.title}” is {self.status.words}, not ended.")
        return replace(self._record("archived", Status.ARCHIVED, act), status=Status.ARCHIVED)

    def _require(self, stage: Status, words: str) -> None:
        if self.stage is not stage:
            raise Conflict(f"“{self.title}” is {self.stage.words}, not {words}.")

    def _require_other(self, by: str) -> None:
        if by in self.writers:
            raise Forbidden("Someone other than its authors must review this.", code="OWN_WORK")

    def _to_stage(self, verb: str, stage: Status, act: Act, **data: Any) -> Self:
        recorded = self._record(verb, stage, act, **data)
        return replace(recorded, revision=stage) if self.live else replace(recorded, status=stage)

    def _record(self, verb: str, after: Status, act: Act, **data: Any) -> Self:
        entry = FeedEntry(
            id=f"campaign:{self.id}:{len(self.history) + 1}",
            type=f"campaign.{verb}",
            at=act.at,
            campaign_id=self.id,
            data={"title": self.title, "by": act.by, "why": act.why, "status": after.value} | data,
        )
        return replace(
            self,
            history=(*self.history, Transition(verb, self.stage, after, act)),
            untold=(*self.untold, entry),
            updated_at=act.at,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Which:
    """Which campaigns to list: those that stand somewhere, or were last changed then; or all."""

    status: Status | None = None
    updated: Span = EVER


ALL = Which()
