"""Seeing a template before anyone gets it: with a person's data, or in one's own mailbox."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from engine.consents import ADDRESS
from engine.presentation import present
from engine.rendering import Rendered, TemplateError, render
from models.effect import Effect, EffectKind, EffectState
from models.errors import Invalid, NotFound, RateLimited
from models.ids import new_id
from models.principal import Principal
from models.store import Stores
from models.template import Template
from services import runs, templates
from services.clock import Clock
from services.facts import user_facts
from services.jobs import Jobs
from services.rulebook import Rulebook

TESTS = 20  # in an hour, by one person
MOST_VERSIONS = 100


async def preview(
    template: Template,
    *,
    user_id: str,
    data: Mapping[str, Any],
    stores: Stores,
    rulebook: Rulebook,
) -> Rendered:
    """Return what a template says to a person. Raises Invalid for one that is wrong, or NotFound.

    `data` is what a `send` would give it, as templates see it: money as decimal text.
    """
    templates.check(template)
    user = await stores.users.get(user_id)
    program = (await rulebook.current()).program
    shown = present(user_facts(user), program.user, program.currency)
    links = {"unsubscribe_url": "https://shop.example/u/…"}
    try:
        return render(template, {**links, **data, "user": shown})
    except TemplateError as error:
        raise Invalid(str(error), code="TEMPLATE", field=(error.part,)) from error


def given(data: object) -> Mapping[str, Any]:
    """Return what a template is given. Raises Invalid for what has no names."""
    if data is None:
        return {}
    if not isinstance(data, dict):
        raise Invalid("What a template is given has names: send an object.", field=("data",))
    return data


async def get(channel: str, name: str, *, stores: Stores) -> Template:
    """Return the newest version of a template. Raises NotFound."""
    template = await stores.templates.find(channel, name)
    if template is None:
        raise _none(channel, name)
    return template


async def versions(channel: str, name: str, *, stores: Stores) -> list[Template]:
    """Return the versions of a template, the newest first. Raises NotFound."""
    found = await stores.templates.versions(channel, name, limit=MOST_VERSIONS)
    if not found:
        raise _none(channel, name)
    return found


def _none(channel: str, name: str) -> NotFound:
    return NotFound(f"There is no {channel} template {name[:100]!r}.", field=("name",))


async def send_test(
    channel: str,
    name: str,
    *,
    data: Mapping[str, Any],
    caller: Principal,
    stores: Stores,
    rulebook: Rulebook,
    jobs: Jobs,
    clock: Clock,
) -> Effect:
    """Send a template to the caller's own address. Raises NotFound, Invalid or RateLimited."""
    if channel not in ADDRESS:
        raise Invalid("Only what goes to people can be tried out.", field=("channel",))
    await get(channel, name, stores=stores)
    wall = clock.wall()
    key = f"test:{caller.user_id}"
    count, until = await stores.throttles.take(key, window=timedelta(hours=1), now=wall)
    if count > TESTS:
        raise RateLimited(
            f"At most {TESTS} messages to try out in an hour.",
            retry_after=(until - wall).total_seconds(),
        )
    number = new_id()
    effect = Effect(
        id=f"test:{number}",
        kind=EffectKind.MESSAGE,
        user_id=caller.user_id,
        run_id="test",
        trigger="test",
        step=number,
        campaign_id=None,
        publication=(await rulebook.current()).number,
        at=clock.now(),
        state=EffectState.PENDING,
        channel=channel,
        template=name,
        transactional=True,  # the caller asks for it, whatever they have agreed to
        data=dict(data),
    )
    await stores.effects.add([effect], wall=wall)
    await runs.ring([effect], jobs=jobs)
    return effect
