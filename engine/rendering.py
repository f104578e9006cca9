"""Templates in Liquid: checked when saved, rendered within bounds, without a way into Python."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from liquid import BoundTemplate, Environment
from liquid.exceptions import LiquidError
from liquid.extra import JSON

from models.template import Template

LONGEST = 256 * 1024


class _Text(Environment):
    loop_iteration_limit = 10_000
    output_stream_limit = LONGEST
    local_namespace_limit = LONGEST
    context_depth_limit = 20
    block_nesting_limit = 50


def _environment(*, escaping: bool) -> _Text:
    environment = _Text(autoescape=escaping)
    environment.add_filter("json", JSON(default=str))
    return environment


_TEXT = _environment(escaping=False)
_HTML = _environment(escaping=True)


class TemplateError(Exception):
    """A template that cannot be read or rendered: which part, and what is wrong with it."""

    def __init__(self, part: str, reason: str) -> None:
        self.part = part
        self.reason = reason
        super().__init__(f"{part}: {reason}")


@dataclass(frozen=True, slots=True)
class Rendered:
    subject: str
    text: str
    html: str | None


def check(template: Template) -> None:
    """Read all parts of a template. Raises TemplateError for one that cannot be read."""
    for part, source in _parts(template):
        _compiled(part, source)


def render(template: Template, data: Mapping[str, Any]) -> Rendered:
    """Fill in a template. Names it knows nothing of are empty. Raises TemplateError."""
    parts: dict[str, str] = {}
    for part, source in _parts(template):
        try:
            parts[part] = _compiled(part, source).render(**data)
        except LiquidError as error:
            raise TemplateError(part, _first_line(error)) from error
    # A subject is one line, whatever the data.
    subject = " ".join(parts["subject"].split())[:500]
    return Rendered(subject, parts["text"], parts.get("html"))


def _parts(template: Template) -> list[tuple[str, str]]:
    parts = [("subject", template.subject), ("text", template.text)]
    return parts if template.html is None else [*parts, ("html", template.html)]


@lru_cache(maxsize=512)
def _compiled(part: str, source: str) -> BoundTemplate:
    if len(source) > LONGEST:
        raise TemplateError(part, f"is longer than {LONGEST} characters")
    try:
        return (_HTML if part == "html" else _TEXT).from_string(source)
    except LiquidError as error:
        raise TemplateError(part, _first_line(error)) from error


def _first_line(error: LiquidError) -> str:
    lines = str(error).splitlines()
    where = next((line.rpartition(" ")[2] for line in lines if "->" in line), "")
    return f"{lines[0]} (line {where})" if where and lines else str(error)
