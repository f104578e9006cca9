"""A publication: the text of every campaign that was live together, for ever as it was."""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Self

from models.campaign import Act
from models.workspace import Workspace

LANGUAGE = 1


@dataclass(frozen=True, slots=True)
class PublishedSource:
    """The rules of one campaign, and the version of the campaign that they were taken from."""

    campaign_id: str
    version: int
    text: str
    ends_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Publication:
    """Immutable. `changed` are the campaigns it is about, `verb` what it did to them.

    It keeps what its text was checked against: another zone or currency is another program.
    """

    number: int
    previous: int
    sources: tuple[PublishedSource, ...]
    changed: tuple[str, ...]
    verb: str
    act: Act
    language: int
    zone: str
    currency: str
    content_hash: str

    @classmethod
    def following(
        cls,
        workspace: Workspace,
        number: int,
        sources: Iterable[PublishedSource],
        *,
        changed: tuple[str, ...],
        verb: str,
        act: Act,
    ) -> Self:
        """Make the publication that is to replace the workspace's current one."""
        ordered = tuple(sorted(sources, key=lambda source: source.campaign_id))
        content = [
            LANGUAGE,
            workspace.zone,
            workspace.currency,
            *([source.campaign_id, source.text] for source in ordered),
        ]
        digest = hashlib.sha256(json.dumps(content, ensure_ascii=False).encode()).hexdigest()
        return cls(
            number=number,
            previous=workspace.current,
            sources=ordered,
            changed=changed,
            verb=verb,
            act=act,
            language=LANGUAGE,
            zone=workspace.zone,
            currency=workspace.currency,
            content_hash=digest,
        )

    def find(self, campaign_id: str) -> PublishedSource | None:
        """Return what it holds of a campaign, if anything."""
        return next((s for s in self.sources if s.campaign_id == campaign_id), None)
