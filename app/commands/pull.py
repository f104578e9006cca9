"""`fanfare pull`: write what is live to files."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from app.commands.folder import read_templates, read_text, template_files
from app.commands.server import Document, Server
from app.commands.sources import RULES, rules_in
from models.errors import Conflict
from models.template import Template
from services.folders import Kept, is_key, match
from services.texts import plain


def pull(folder: Path, server: Server, *, force: bool) -> int:
    """Write the live rules and the templates into a folder; return the exit code.

    Raises Conflict, having written nothing, if that would lose anything that is in the folder.
    """
    published = server.published()
    local = rules_in(folder)
    wanted = _rules(published, local, folder) | _templates(published, folder)
    differing = [path for path in wanted if path.exists() and read_text(path) != wanted[path]]
    if differing and not force:
        names = "".join(f"\n  {path}" for path in differing)
        raise Conflict(f"These files are other than what is live; --force overwrites them:{names}")
    writing = [path for path in wanted if path in differing or not path.exists()]
    for path in writing:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(wanted[path], encoding="utf-8", newline="\n")
        print(f"wrote {path}")
    for path in local.values():
        if path not in wanted:
            print(f"not live: {path}")
    if not writing:
        print(f"nothing to do: {folder} has all of what is live")
    return 0


def _rules(published: Document, local: Mapping[str, Path], folder: Path) -> dict[Path, str]:
    """Return the text of every live campaign by the path it belongs in."""
    kept = [
        Kept(each["campaignId"], each["name"], each["title"], each["text"])
        for each in published["files"]
    ]
    here = match({key: read_text(path) for key, path in local.items()}, kept)
    keys = {campaign_id: key for key, campaign_id in here.items()}
    taken = {*local, *keys.values(), *(each.key for each in kept if each.key)}
    wanted = {}
    for each in kept:
        key = keys.get(each.id) or (each.key if each.key and is_key(each.key) else None)
        if key is None:
            key = _free(each.title, taken)
            taken.add(key)
        wanted[local.get(key, folder / f"{key}{RULES}")] = plain(each.text)
    return wanted


def _templates(published: Document, folder: Path) -> dict[Path, str]:
    """Return the files of the templates, without those that say the same already."""
    here = {(each.channel, each.name): each for each in read_templates(folder)}
    wanted = {}
    for each in published["templates"]:
        template = _template(each)
        if here.get((template.channel, template.name)) != template and is_key(template.name):
            for name, text in template_files(template).items():
                wanted[folder / name] = text
    return wanted


def _template(each: dict[str, Any]) -> Template:
    return Template(
        channel=each["channel"].lower(),
        name=each["name"],
        subject=" ".join(each["subject"].split()),
        text=plain(each["text"]),
        topic=each.get("topic") or "",
        html=None if each["html"] is None else plain(each["html"]),
    )


def _free(title: str, taken: set[str]) -> str:
    """Return a name for a file that no campaign is kept in yet."""
    name = re.sub(r"[^\w]+", "-", title.lower()).strip("-")[:80] or "campaign"
    number = 1
    while (key := name if number == 1 else f"{name}-{number}") in taken:
        number += 1
    return key
