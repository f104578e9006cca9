"""Where folders of rules are planned and published: an API, or the database itself."""

from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import fields, is_dataclass
from datetime import datetime
from enum import Enum
from typing import Any, Protocol, TypeVar

from strawberry.utils.str_converters import to_camel_case

from app.client import Client
from app.clock import Clock
from app.maintenance import with_database
from app.settings import Settings
from models.campaign import Act
from models.errors import Invalid
from models.store import Database, Stores
from models.template import Template
from schema import release
from schema import template as template_types
from services import files, plans, releases
from services.files import Folder

PATIENCE = 10  # seconds for an API that is away
Document = dict[str, Any]
T = TypeVar("T")

_DIAGNOSTIC = "code severity message hint offset endOffset line column endLine endColumn"
_PLAN = f"""
query ($input: PlanRulesInput!) {{
  planRules(input: $input) {{
    publication valid empty files ended unclaimed templates
    diagnostics {{ file diagnostic {{ {_DIAGNOSTIC} }} }}
    declarations {{ change kind name file movedFrom lines }}
    segments {{ name before after gained lost problem }}
    journeys {{ trigger running ends }}
  }}
}}
"""
_PUBLISHED = """
query {
  publishedRules { publication files { campaignId title name text } }
  templates { channel name subject text html topic }
}
"""
_RELEASED = """
publication campaigns { title livePublication } ended { title } templates { name }
"""


class Server(Protocol):
    """Documents are as the API gives them: see the types of the same names in its schema."""

    def plan(self, folder: Folder) -> Document:
        """Return a RulesPlan."""

    def release(self, folder: Folder, *, publication: int, why: str) -> Document:
        """Return what a ReleaseRulesPayload has. Raises DomainError for what is refused."""

    def published(self) -> Document:
        """Return PublishedRules, and the templates beside them."""


class OverApi:
    """Asks an API, as somebody."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def plan(self, folder: Folder) -> Document:
        """Ask for a plan."""
        plan: Document = self._client.ask(_PLAN, input=_input(folder))["planRules"]
        return plan

    def release(self, folder: Folder, *, publication: int, why: str) -> Document:
        """Have it published."""
        more = {"publication": publication, "reason": why}
        released: Document = self._client.do("releaseRules", _input(folder) | more, _RELEASED)
        return released

    def published(self) -> Document:
        """Ask for what is live."""
        data = self._client.ask(_PUBLISHED)
        return {**data["publishedRules"], "templates": data["templates"]}


class OverDatabase:
    """Works on the database that the settings name. Whoever can reach it needs no account."""

    def __init__(self, settings: Settings, *, by: str) -> None:
        self._settings = settings
        self._by = by

    def plan(self, folder: Folder) -> Document:
        """Plan here."""
        plan = self._run(lambda stores, now: plans.plan(folder, stores=stores, now=now))
        shown: Document = document(release.RulesPlan.of(plan))
        return shown

    def release(self, folder: Folder, *, publication: int, why: str) -> Document:
        """Publish from here."""
        released = self._run(
            lambda stores, now: releases.release_folder(
                folder, Act(self._by, now, why), stores=stores, publication=publication
            )
        )
        shown: Document = document(release.ReleaseRulesPayload.of(released))
        return shown

    def published(self) -> Document:
        """Read what is live."""

        async def read(stores: Stores, _now: datetime) -> Document:
            published = await files.published(stores=stores)
            templates = [template_types.Template.of(each) for each in await stores.templates.all()]
            found = document(release.PublishedRules.of(published))
            return {**found, "templates": [document(each) for each in templates]}

        return self._run(read)

    def _run(self, work: Callable[[Stores, datetime], Awaitable[T]]) -> T:
        async def run(database: Database) -> T:
            return await work(Stores.over(database), Clock.parse(self._settings.clock).now())

        return with_database(self._settings, run)


@contextmanager
def connected(url: str, who: Mapping[str, str | None]) -> Iterator[Client]:
    """Know the API at `url` with a token, or as somebody with an email and a password."""
    token, email, password = (who.get(name) for name in ("token", "email", "password"))
    if not token and not (email and password):
        raise Invalid(
            "The API must know who you are: set FANFARE_TOKEN, or FANFARE_EMAIL and "
            "FANFARE_PASSWORD."
        )
    client = Client(
        url,
        email=email or "",
        password=password or "",
        token=token,
        patience=PATIENCE,
        timeout=300,
    )
    try:
        yield client
    finally:
        client.close()


def document(value: Any) -> Any:
    """Return what the API would answer for one of its types."""
    if is_dataclass(value):
        return {
            to_camel_case(field.name): document(getattr(value, field.name))
            for field in fields(value)
        }
    match value:
        case list():
            return [document(each) for each in value]
        case Enum():
            return value.name
        case datetime():
            return value.isoformat()
        case _:
            return value


def _input(folder: Folder) -> Document:
    return {
        "files": [{"name": file.key, "text": file.text} for file in folder.files],
        "templates": [_template(template) for template in folder.templates],
        "prune": folder.prune,
    }


def _template(template: Template) -> Document:
    return {
        "channel": template.channel.upper(),
        "name": template.name,
        "subject": template.subject,
        "text": template.text,
        "html": template.html,
        "topic": template.topic or None,
    }
