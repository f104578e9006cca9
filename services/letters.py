"""Writing letters about accounts, and sending them: at least once, with an id that stays.

    write → bell → deliver: sent, or tried again until the letter has expired
                      ↑__ sweep: what waits although its bell was lost

Who asks learns nothing of whether the address is anyone's: writing is the same either way, and
only whoever delivers looks.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256

from channels import Message, NotSent, Unclear
from engine.rendering import TemplateError, render
from models.errors import Invalid
from models.ids import new_id
from models.letter import LIFETIMES, Letter, Purpose
from models.messaging import Bar
from models.store import Stores
from models.template import Template
from services import suspects
from services.jobs import Job, Jobs
from services.messages import Mail
from services.seals import Seals

log = logging.getLogger(__name__)

LEASE = timedelta(seconds=45)
PATIENCE = timedelta(seconds=3)
LONGEST_PAUSE = 300

# What letters say unless the shop has an e-mail template of the same name.
TEMPLATES: Mapping[Purpose, Template] = {
    Purpose.JOIN: Template(
        channel="email",
        name="account.join",
        subject="Make your account",
        text="Someone, probably you, wants to make an account with this address.\n\n"
        "{% if url %}Make it here, within three days:\n{{ url }}\n"
        "{% else %}To make it, enter this code within three days:\n{{ token }}\n{% endif %}\n"
        "If it was not you, do nothing.\n",
    ),
    Purpose.RESET: Template(
        channel="email",
        name="account.reset",
        subject="Choose a new password",
        text="Someone, probably you, asked for a new password for this address.\n\n"
        "{% if url %}Choose it here, within an hour:\n{{ url }}\n"
        "{% else %}To choose it, enter this code within an hour:\n{{ token }}\n{% endif %}\n"
        "If it was not you, do nothing: the old password stays.\n",
    ),
    Purpose.VERIFY: Template(
        channel="email",
        name="account.verify",
        subject="Is this your address?",
        text="Someone, probably you, made an account with this address.\n\n"
        "{% if url %}Say that it is yours here, within three days:\n{{ url }}\n"
        "{% else %}To say that it is yours, enter this code within three days:\n{{ token }}\n"
        "{% endif %}\nIf it was not you, do nothing.\n",
    ),
}
# To who wants to join and has: told to the address, and to nobody else.
KNOWN = Template(
    channel="email",
    name="account.known",
    subject="You have an account",
    text="Someone, probably you, wanted to make an account with this address. There is one.\n\n"
    "Sign in, and if you have forgotten the password, ask for a new one.\n\n"
    "If it was not you, do nothing.\n",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Post:
    """What sending letters needs. `pages` is where the shop's pages for them are, if it has any."""

    mail: Mail
    seals: Seals
    pages: str = ""


@dataclass(frozen=True, slots=True)
class _Recipient:
    """What a letter says, to begin with, and to whom; a stranger's name is nobody's to choose."""

    template: Template
    name: str = ""


async def write(
    purpose: Purpose,
    email: str,
    *,
    user_id: str | None,
    stores: Stores,
    jobs: Jobs,
    wall: datetime,
    name: str = "",
) -> Letter:
    """Have a letter sent to an address, if it is this person's, or to join under this name."""
    letter = Letter(
        id=new_id(),
        purpose=purpose,
        email=email,
        user_id=user_id,
        made_at=wall,
        expires_at=wall + LIFETIMES[purpose],
        name=name,
    )
    await stores.letters.add(letter)
    await jobs.ring(Job.SEND_LETTERS, [letter.id])
    return letter


async def deliver(letter_id: str, post: Post) -> None:
    """Send a letter that waits. Safe to run twice: the receiver knows a repeat by its id.

    One that a worker died with is tried alone, and at the fifth death set aside.
    """
    mail, stores = post.mail, post.mail.stores
    async with mail.custody.of(lambda: stores.letters.let_go(letter_id)):
        letter = await stores.letters.claim(letter_id, wall=mail.clock.wall(), lease=LEASE)
        if letter is not None:
            await _deliver(letter, post)
            return
    async with mail.custody.alone, mail.custody.of(lambda: stores.letters.let_go(letter_id)):
        wall = mail.clock.wall()
        letter = await stores.letters.claim_suspect(letter_id, wall=wall, lease=LEASE)
        if letter is not None and letter.deaths >= suspects.DEATHS:
            await suspects.set_letter_aside(letter, wall, stores=stores)
        elif letter is not None:
            await _deliver(letter, post)


async def redrive(ids: Sequence[str], *, stores: Stores, jobs: Jobs, wall: datetime) -> int:
    """Have letters that were set aside sent after all; return how many. Safe to repeat.

    Raises Invalid for too many.
    """
    if len(ids) > suspects.MOST:
        raise Invalid(f"At most {suspects.MOST} letters at a time.", field=("letters",))
    if redriven := await stores.letters.put_back(ids, wall=wall):
        await jobs.ring(Job.SEND_LETTERS, redriven)
    return len(redriven)


async def _deliver(letter: Letter, post: Post) -> None:
    mail, stores = post.mail, post.mail.stores
    wall = mail.clock.wall()
    recipient = await _recipient(letter, mail)
    if recipient is None or letter.expires_at <= wall:
        await stores.letters.settle(letter.id)
        return
    try:
        message = await _composed(letter, recipient, post)
        async with mail.channels["email"].open() as outlet:
            await outlet.send(message)
    except (NotSent, Unclear, TemplateError) as error:
        if isinstance(error, NotSent) and not error.retry:
            log.warning("letter %s is given up: %s", letter.id, error.reason)
            await stores.letters.settle(letter.id)
            return
        pause = timedelta(seconds=min(2**letter.tries, LONGEST_PAUSE))
        log.warning("letter %s waits %s: %s", letter.id, pause, error)
        await stores.letters.postpone(letter.id, until=wall + pause)
        return
    await stores.letters.settle(letter.id)


async def sweep(*, stores: Stores, jobs: Jobs, wall: datetime, most: int = 500) -> None:
    """Ring again for letters that nobody has taken."""
    overdue = await stores.letters.overdue(before=wall - PATIENCE, limit=most)
    if overdue:
        await jobs.ring(Job.SEND_LETTERS, overdue)


async def _recipient(letter: Letter, mail: Mail) -> _Recipient | None:
    """Return whom the letter is for and what it says, unless it should not be sent."""
    bar = await mail.suppression.find("email", letter.email) if mail.suppression else None
    if bar is Bar.BOUNCE:
        return None
    if letter.purpose is Purpose.JOIN:
        taken = await mail.stores.identities.is_taken(letter.email)
        return _Recipient(KNOWN if taken else TEMPLATES[letter.purpose])
    user = await mail.stores.users.find(letter.user_id) if letter.user_id else None
    if user is None or user.email != letter.email:
        return None
    if letter.purpose is Purpose.VERIFY and user.verified_at is not None:
        return None
    return _Recipient(TEMPLATES[letter.purpose], user.name)


async def _composed(letter: Letter, recipient: _Recipient, post: Post) -> Message:
    default = recipient.template
    own = await post.mail.stores.templates.find("email", default.name)
    token = post.seals.token(letter.id, letter.purpose)
    # Behind a #, which browsers tell no server: the token stays out of logs.
    url = f"{post.pages.rstrip('/')}/{letter.purpose}#token={token}" if post.pages else None
    rendered = render(own or default, {"name": recipient.name, "token": token, "url": url})
    return Message(
        id=sha256(f"letter:{letter.id}".encode()).hexdigest()[:32],
        to=letter.email,
        name=recipient.name,
        subject=rendered.subject,
        text=rendered.text,
        html=rendered.html,
        at=letter.made_at,
    )
