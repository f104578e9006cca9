"""Templates in Liquid: checked when saved, rendered within bounds, without a way into Python."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from liquid import BoundTemplate
from liquid.exceptions import LiquidError

from engine.bounds import LONGEST, environment
from models.template import Template

_TEXT = environment(escaping=False)
_HTML = environment(escaping=True)


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
    for part, source in parts(template):
        compiled(part, source)


def render(template: Template, data: Mapping[str, Any]) -> Rendered:
    """Fill in a template. Names it knows nothing of are empty. Raises TemplateError."""
    said: dict[str, str] = {}
    for part, source in parts(template):
        try:
            said[part] = compiled(part, source).render(**data)
        except LiquidError as error:
            raise TemplateError(part, _first_line(error)) from error
        except (ArithmeticError, ValueError, TypeError, RecursionError) as error:
            # A filter that was given what it cannot work on.
            raise TemplateError(part, str(error)[:200]) from error
    # A subject is one line, whatever the data.
    subject = " ".join(said["subject"].split())[:500]
    return Rendered(subject, said["text"], said.get("html"))


def parts(template: Template) -> list[tuple[str, str]]:
    """Return the parts of a template that are Liquid, by name."""
    found = [("subject", template.subject), ("text", template.text)]
    return found if template.html is None else [*found, ("html", template.html)]


@lru_cache(maxsize=512)
def compiled(part: str, source: str) -> BoundTemplate:
    """Return a part made ready to render. Raises TemplateError if it cannot be read."""
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
