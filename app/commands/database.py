"""Rules planned and published on the database itself, told as the API would tell it."""

from collections.abc import Awaitable, Callable
from dataclasses import fields, is_dataclass
from datetime import datetime
from enum import Enum
from typing import Any, TypeVar

from strawberry.utils.str_converters import to_camel_case

from app.clock import Clock
from app.commands.server import Document
from app.maintenance import with_database
from app.settings import Settings
from models.campaign import Act
from models.store import Database, Stores
from schema import release
from schema import template as template_types
from services import files, plans, releases
from services.folders import Folder

T = TypeVar("T")


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
