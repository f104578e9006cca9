"""What can be done with webhooks: the shop's other systems that rules may call."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime

from channels import NotSent
from channels.addresses import check_url, resolve
from channels.webhook import new_secret
from dsl.diagnostics import Span
from dsl.program import Program
from dsl.triggers import CallWebhook, If, Split, Step, WaitFor
from models.errors import Conflict, Invalid, NotFound
from models.feed import KINDS
from models.store import Stores
from models.webhook import Secret, Webhook

_NAME = re.compile(r"[\w.-]{1,100}")
MOST = 1_000
MOST_PATTERNS = 50


async def create(
    name: str,
    url: str,
    *,
    events: Sequence[str] = (),
    stores: Stores,
    now: datetime,
    private: bool,
) -> Webhook:
    """Make a webhook with a secret of its own. Raises Invalid, or Conflict for a name taken."""
    if not _NAME.fullmatch(name):
        raise Invalid("A name is 1 to 100 letters, digits or any of _.-", field=("name",))
    wanted = patterns(events)
    await _check(url, private=private)
    if len(await stores.webhooks.all()) >= MOST:
        raise Conflict(f"There are {MOST} webhooks already; disable none, change one instead.")
    webhook = Webhook(
        name=name,
        url=url,
        secrets=(Secret(new_secret()),),
        created_at=now,
        events=wanted,
    )
    await stores.webhooks.add(webhook)
    return webhook


async def update(
    name: str,
    *,
    url: str | None = None,
    enabled: bool | None = None,
    events: Sequence[str] | None = None,
    version: int | None = None,
    stores: Stores,
    private: bool,
) -> Webhook:
    """Change where a webhook leads, whether it is called, what of the feed it follows.

    What waits goes the new way. Raises Conflict if it is no longer of the version named.
    """
    webhook = await _get(name, version, stores)
    if url is not None:
        await _check(url, private=private)
        webhook = replace(webhook, url=url)
    if enabled is not None:
        webhook = replace(webhook, enabled=enabled)
    if events is not None:
        webhook = replace(webhook, events=patterns(events))
    return await stores.webhooks.save(webhook)


async def rotate_secret(
    name: str, *, version: int | None = None, stores: Stores, now: datetime
) -> Webhook:
    """Give a webhook a new secret. Calls are signed with the old one, too, for a day."""
    webhook = await _get(name, version, stores)
    return await stores.webhooks.save(webhook.rotated(new_secret(), now))


async def require(name: str, *, stores: Stores) -> None:
    """Raise NotFound if there is no webhook of this name."""
    if name not in await stores.webhooks.find_many([name]):
        raise NotFound(f"There is no webhook {name[:100]!r}.", field=("webhook",))


async def _get(name: str, version: int | None, stores: Stores) -> Webhook:
    webhook = await stores.webhooks.get(name)
    if version not in (None, webhook.version):
        raise Conflict("The webhook was changed by someone else; read it and retry.")
    return webhook


def patterns(events: Sequence[str], *, field: str = "events") -> tuple[str, ...]:
    """Return what of the feed is to be followed. Raises Invalid."""
    if len(events) > MOST_PATTERNS:
        raise Invalid(f"At most {MOST_PATTERNS} kinds of entries.", field=(field,))
    for pattern in events:
        noun, _, verb = pattern.partition(".")
        if pattern != "*" and not (noun in KINDS and verb in ("*", *KINDS[noun])):
            raise Invalid(
                f"{pattern[:100]!r} is no kind of entry; write message.sent, message.* or *.",
                field=(field,),
            )
    return tuple(dict.fromkeys(events))


async def _check(url: str, *, private: bool) -> None:
    if len(url) > 2_000:
        raise Invalid("A URL has at most 2,000 characters.", field=("url",))
    try:
        host, port = check_url(url, private=private)
        await resolve(host, port, private=private)
    except NotSent as error:
        reason = error.reason[0].upper() + error.reason[1:]
        raise Invalid(f"{reason}.", code="WEBHOOK_URL", field=("url",)) from error


async def missing(program: Program, *, stores: Stores) -> list[tuple[Span, str]]:
    """Return where triggers call a webhook that does not exist, and what to say about it."""
    calls = [call for trigger in program.triggers.values() for call in _calls(trigger.steps)]
    there = await stores.webhooks.find_many({call.webhook for call in calls}) if calls else {}
    return [
        (call.span, f"there is no webhook {call.webhook!r}; create it first")
        for call in calls
        if call.webhook not in there
    ]


def _calls(steps: Sequence[Step]) -> Iterator[CallWebhook]:
    for step in steps:
        match step:
            case CallWebhook():
                yield step
            case If() | WaitFor():
                yield from _calls((*step.then, *step.otherwise))
            case Split():
                for _, _, inner in step.arms:
                    yield from _calls(inner)
            case _:
                pass
