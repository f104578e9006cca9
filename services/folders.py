"""Rules and templates kept in files: what a folder holds, and which campaign lives in which file.

A campaign keeps the name of its file (`key`). One that has none, or whose file was given another
name, is found by what it declares.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import dsl
from models.campaign import MAX_SOURCE
from models.errors import Invalid
from models.template import Template
from services.texts import plain

MOST_FILES = 1_000
# What every file system takes, and nothing that leads out of the folder.
_PART = re.compile(
    r"[^\s./\\:*?\"<>|\0-\x1f]([^/\\:*?\"<>|\0-\x1f]{0,98}[^\s./\\:*?\"<>|\0-\x1f])?"
)


@dataclass(frozen=True, slots=True)
class RulesFile:
    """`key` is the file's path in its folder, without `.rules`. `title` is what the text declares.

    A campaign whose file declares none keeps the title it has; a new one is called by its key.
    """

    key: str
    title: str | None
    text: str

    @classmethod
    def of(cls, key: str, text: str) -> Self:
        """Read what the file declares. Raises Invalid for a name that no file can have."""
        if not is_key(key):
            raise Invalid(f"{key!r} is no name that a file of rules can have.", field=("files",))
        text = plain(text)
        if len(text.encode()) > MAX_SOURCE:
            raise Invalid(f"{key}: a file of rules has at most 256 KiB.", field=("files",))
        declared = (
            each.title or each.name
            for each in dsl.outline(dsl.parse(dsl.SourceFile(key, text)).file)
            if each.kind == "campaign"
        )
        return cls(key, next(declared, None), text)


@dataclass(frozen=True, slots=True)
class Folder:
    """Everything that is to be released together. With `prune`, what it has not got is to end."""

    files: tuple[RulesFile, ...]
    templates: tuple[Template, ...] = ()
    prune: bool = False

    def __post_init__(self) -> None:
        if len(self.files) > MOST_FILES:
            raise Invalid(f"There may be at most {MOST_FILES:,} files.", field=("files",))
        keys = [file.key for file in self.files]
        names = [f"{template.channel}/{template.name}" for template in self.templates]
        for kind, found in (("files", keys), ("templates", names)):
            doubles = sorted({name for name in found if found.count(name) > 1})
            if doubles:
                raise Invalid(f"There are two {kind} called {doubles[0]}.", field=(kind,))


@dataclass(frozen=True, slots=True)
class Kept:
    """The live text of a campaign, and the key of the file that it is known to be kept in."""

    id: str
    key: str | None
    title: str
    text: str


def match(files: Mapping[str, str], live: Sequence[Kept]) -> dict[str, str]:
    """Return which live campaign each file (key: text) is of, if any.

    A file that no campaign is known by is of the one whose text it has, or all of whose
    declarations: beside that one it could not be live.
    """
    known = {campaign.key: campaign.id for campaign in live if campaign.key in files}
    ids = {key: known[key] for key in files if key in known}
    free = [campaign for campaign in live if campaign.id not in ids.values()]
    if not free:
        return ids
    declared = {campaign.id: _names(campaign.text) for campaign in free}
    for key, text in files.items():
        if key in ids:
            continue
        names = _names(text)
        for campaign in free:
            same = plain(campaign.text) == plain(text)
            if same or (declared[campaign.id] and declared[campaign.id] <= names):
                ids[key] = campaign.id
                free.remove(campaign)
                break
    return ids


def is_key(key: str) -> bool:
    """Whether every system can have a file of this name, inside the folder it belongs in."""
    return len(key) <= 200 and all(_PART.fullmatch(part) for part in key.split("/"))


def _names(text: str) -> frozenset[tuple[str, str]]:
    outline = dsl.outline(dsl.parse(dsl.SourceFile("", text)).file)
    return frozenset((each.kind, each.name) for each in outline)
