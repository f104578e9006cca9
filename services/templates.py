"""What can be done with templates."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime

from dsl.diagnostics import Diagnostic
from dsl.program import Program
from dsl.triggers import GrantStep, If, Send, Split, Step, WaitFor
from engine import rendering
from engine.template_uses import misuses
from models.errors import Invalid
from models.store import Stores
from models.template import Template
from services.texts import plain

_NAME = re.compile(r"[\w.-]{1,100}")
_TOPIC = re.compile(r"[\w-]{1,60}")
# For each channel, what its templates must say, and what they may.
_PARTS = {
    "email": (("subject", "text"), ("html",)),
    "sms": (("text",), ()),
    "push": (("subject", "text"), ()),
    "webhook": (("subject", "text"), ()),
}
CHANNELS = tuple(_PARTS)


async def save(
    template: Template, *, stores: Stores, now: datetime, by: str | None, was: int | None = None
) -> Template:
    """Add a version of a template, the newest from now on. Raises Invalid for one that is wrong.

    With `was`, the version that it was made from, also Conflict if there is a newer one by now.
    """
    check(template)
    return await stores.templates.save(template, now=now, by=by, was=was)


async def changed(wanted: Iterable[Template], *, stores: Stores) -> list[Template]:
    """Return those that say anything else than what is saved. Raises Invalid if any is wrong."""
    saved = {(each.channel, each.name): each for each in await stores.templates.all()}
    found, wrong = [], []
    for template in wanted:
        try:
            check(template)
        except Invalid as error:
            wrong.append(f"template {template.name}: {error.message}")
        if not _says_the_same(template, saved.get((template.channel, template.name))):
            found.append(template)
    if wrong:
        raise Invalid("\n".join(wrong), code="TEMPLATE", field=("templates",))
    return found


def check(template: Template) -> None:
    """Raise Invalid for a template that is wrong."""
    if template.channel not in CHANNELS:
        raise Invalid(f"The channels are: {', '.join(CHANNELS)}.", field=("channel",))
    if not _NAME.fullmatch(template.name):
        raise Invalid("A name is 1 to 100 letters, digits or any of _.-", field=("name",))
    required, optional = _PARTS[template.channel]
    for part in ("subject", "text", "html"):
        said = (getattr(template, part) or "").strip()
        if part in required and not said:
            raise Invalid(f"The {part} must not be empty.", field=(part,))
        if said and part not in (*required, *optional):
            raise Invalid(f"A template for {template.channel} has no {part}.", field=(part,))
    if template.topic and not is_topic(template.topic):
        raise Invalid("A topic is 1 to 60 letters, digits, _ or -.", field=("topic",))
    if template.channel == "webhook" and not _NAME.fullmatch(template.subject):
        raise Invalid("The subject is the name of the webhook.", field=("subject",))
    try:
        rendering.check(template)
    except rendering.TemplateError as error:
        raise Invalid(
            f"The {error.part} is no valid Liquid: {error.reason}", field=(error.part,)
        ) from error


def is_topic(text: str) -> bool:
    """Whether messages can be about this."""
    return _TOPIC.fullmatch(text) is not None


def _says_the_same(template: Template, saved: Template | None) -> bool:
    if saved is None:
        return False
    # A subject is sent as one line, however it is spaced.
    return (
        template.subject.split() == saved.subject.split()
        and plain(template.text) == plain(saved.text)
        and plain(template.html or "") == plain(saved.html or "")
        and template.topic == saved.topic
    )


async def missing(
    program: Program, *, stores: Stores, coming: Iterable[Template] = ()
) -> list[Diagnostic]:
    """Return an error for each template that is sent and not there, or not given what it uses."""
    there = {(each.channel, each.name): each for each in (*await stores.templates.all(), *coming)}
    return problems(program, there)


def problems(program: Program, there: Mapping[tuple[str, str], Template]) -> list[Diagnostic]:
    """Return what is wrong with what triggers send, given these templates by channel and name."""
    found = []
    for trigger in program.triggers.values():
        steps = list(_steps(trigger.steps))
        granted = [step.promotion for step in steps if isinstance(step, GrantStep)]
        for send in (step for step in steps if isinstance(step, Send)):
            template = there.get((send.channel, send.template))
            if template is None:
                message = f"there is no {send.channel} template {send.template!r}; save it first"
                found.append(Diagnostic("E291", message, send.span))
            else:
                found += [
                    Diagnostic("E292", message, send.span)
                    for message in misuses(template, send, program, granted)
                ]
    return found


def check_against(template: Template, program: Program) -> None:
    """Raise Invalid for a template that uses what the live rules do not give it."""
    there = {(template.channel, template.name): template}
    # Each once, however many steps send it.
    wrong = dict.fromkeys(each.message for each in problems(program, there) if each.code == "E292")
    if wrong:
        raise Invalid("\n".join(wrong), code="TEMPLATE", field=("text",))


def _steps(steps: Sequence[Step]) -> Iterator[Step]:
    for step in steps:
        yield step
        match step:
            case If() | WaitFor():
                yield from _steps((*step.then, *step.otherwise))
            case Split():
                for _, _, inner in step.arms:
                    yield from _steps(inner)
            case _:
                pass
