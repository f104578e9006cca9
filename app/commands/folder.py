"""A folder of rules on disk: `*.rules` at any depth, and `templates/*.liquid` beside them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from unicodedata import normalize

from app.commands.sources import some_rules_in
from models.errors import Invalid
from models.template import Template
from services.folders import Folder, RulesFile
from services.texts import plain

TEMPLATES = "templates"
LIQUID = ".liquid"
HTML = ".html"
# What a template's first line gives, by channel; a text message has none.
TOPIC = "Topic"
FIRST_LINE = {"email": "Subject", "sms": "", "push": "Title", "webhook": "Webhook"}


@dataclass(frozen=True, slots=True)
class Read:
    """What was read, and where each file of it lies, by its key."""

    folder: Folder
    paths: Mapping[str, Path]


def read(paths: Sequence[Path], *, prune: bool = False) -> Read:
    """Read folders and single files. Raises Invalid for what is not text, or not there.

    A file's key is its path in its folder, without the suffix; a single file's is its name.
    """
    found = [each for path in paths for each in _keyed(path)]
    files = tuple(RulesFile.of(key, read_text(path)) for key, path in found)
    templates = [each for path in paths if path.is_dir() for each in read_templates(path)]
    return Read(Folder(files, tuple(templates), prune), dict(found))


def read_text(path: Path) -> str:
    """Return a file's text. Raises Invalid if it is not UTF-8."""
    try:
        return plain(path.read_text(encoding="utf-8"))
    except UnicodeDecodeError as error:
        raise Invalid(f"{path} is not UTF-8 text (byte {error.start})") from None


def read_templates(folder: Path) -> Iterator[Template]:
    """Read the templates that lie beside a folder's rules."""
    return templates_in(folder / TEMPLATES)


def templates_in(folder: Path) -> Iterator[Template]:
    """Read templates: `NAME.liquid`, with `NAME.html.liquid` for what is also HTML.

    `NAME.sms.liquid` and the like are for other channels.
    """
    paths = {path.name.removesuffix(LIQUID): path for path in _liquid(folder)}
    for name, path in paths.items():
        base = name.removesuffix(HTML)
        if name != base:
            if base not in paths:
                raise Invalid(f"{path}: there is no {base}{LIQUID} that this is the HTML of")
            continue
        channel = next((c for c in FIRST_LINE if name.endswith(f".{c}")), "email")
        head, text = _headed(path, FIRST_LINE[channel])
        html = paths.get(name + HTML)
        yield Template(
            channel=channel,
            name=normalize("NFC", name.removesuffix(f".{channel}")),
            subject=head.get(FIRST_LINE[channel], ""),
            text=text,
            topic=head.get(TOPIC, ""),
            html=read_text(html) if html else None,
        )


def _headed(path: Path, first: str) -> tuple[dict[str, str], str]:
    """Take a template's first lines from its text: the one its channel has, and its topic."""
    lines = read_text(path).split("\n")
    head = {}
    for word in (first, TOPIC):
        if word and lines[0].startswith(f"{word}:"):
            head[word] = " ".join(lines.pop(0).removeprefix(f"{word}:").split())
    if first and first not in head:
        raise Invalid(f"{path}: its first line must be `{first}: …`")
    return head, "\n".join(lines[1:] if head and lines[0] == "" else lines)


def template_files(template: Template) -> dict[str, str]:
    """Return the files that a template is written to, by their paths in the folder."""
    subject = " ".join(template.subject.split())
    first = FIRST_LINE[template.channel]
    base = f"{TEMPLATES}/{template.name}"
    if template.channel != "email":
        base += f".{template.channel}"
    head = f"{first}: {subject}\n" if first else ""
    head += f"{TOPIC}: {template.topic}\n" if template.topic else ""
    files = {base + LIQUID: (head and head + "\n") + plain(template.text)}
    if template.html is not None:
        files[base + HTML + LIQUID] = plain(template.html)
    return files


def _keyed(path: Path) -> list[tuple[str, Path]]:
    if not path.is_dir():
        return [(normalize("NFC", path.stem), path)]
    # Without any, most likely another folder was meant, and pruning would end everything.
    return list(some_rules_in(path).items())


def _liquid(folder: Path) -> list[Path]:
    return sorted(path for path in folder.glob(f"*{LIQUID}") if not path.name.startswith("."))
