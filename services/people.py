"""What people do about themselves: join, and say who they are."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import available_timezones

from engine.consents import ADDRESS
from models.address import normalised
from models.errors import STALE, Conflict, Invalid, NotFound
from models.ids import new_id
from models.paging import Page, Window
from models.principal import Principal, Role
from models.store import Stores
from models.user import SHOP, STAFF, User, Which
from services.loaders import Loaders
from services.passwords import Passwords, check_acceptable
from services.templates import is_topic

LONGEST_EXTERNAL_ID = 200
_LONGEST_NAME = 200
_PHONE = re.compile(r"\+[1-9][0-9]{6,14}")
_MOST_DEVICES = 20
_LONGEST_TOKEN = 4_096
_LOCALE = re.compile(r"[a-z]{2,3}(-[A-Z][a-z]{3})?(-([A-Z]{2}|[0-9]{3}))?")


async def join(
    email: str,
    password: str,
    *,
    name: str,
    stores: Stores,
    passwords: Passwords,
    wall: datetime,
    now: datetime,
) -> User | None:
    """Make an account for a customer whose address this is known to be; None if it is taken.

    Safe to repeat after a crash: the same address goes on with the same person.
    """
    fresh = User(id=new_id(), created_at=now, email=email, name=name, verified_at=wall)
    hashed = await passwords.hash(password)
    user_id = await stores.identities.claim(email, fresh.id)
    if user_id is None:
        return None
    user = await stores.users.add_once(fresh, user_id)
    # Whoever stores the password first has the account.
    if not await stores.credentials.add(user_id, hashed, now=wall):
        kept = await stores.credentials.find(user_id)
        if not await passwords.matches(password, kept):
            return None
    await stores.identities.settle(email, user_id)
    return user


async def ensure_user(
    *,
    email: str,
    password: str,
    name: str,
    roles: frozenset[Role],
    stores: Stores,
    passwords: Passwords,
    now: datetime,
) -> User:
    """Have an account with this password and these roles, whatever there was. Safe to repeat."""
    email = normalised(email)
    check_acceptable(password, email=email)
    user_id = await stores.identities.find_user_id(email) or new_id()
    fresh = User(id=user_id, created_at=now, email=email, name=acceptable_name(name), roles=roles)
    user = await stores.users.add_once(fresh, user_id)
    if user.roles != roles:
        user = await stores.users.edit(
            user_id, {"roles": sorted(role.value for role in roles)}, version=user.version
        )
    await stores.credentials.put(user_id, await passwords.hash(password), now=now)
    await stores.identities.settle(email, user_id)
    return user


async def ensure_admin(
    *, email: str, password: str, stores: Stores, passwords: Passwords, now: datetime
) -> User:
    """Have an administrator with this address and password. Safe to repeat."""
    return await ensure_user(
        email=email,
        password=password,
        name="Administrator",
        roles=frozenset({Role.ADMIN}),
        stores=stores,
        passwords=passwords,
        now=now,
    )


async def see(user_id: str, *, caller: Principal, stores: Stores) -> User:
    """Return a person the caller may ask about.

    Raises NotFound alike for people who do not exist and for people who are not the caller's
    business.
    """
    if not may_ask_about(user_id, caller):
        raise NotFound("There is no such user.")
    return await stores.users.get(user_id)


def may_ask_about(user_id: str, caller: Principal) -> bool:
    """Whether a caller may hear what is a person's to use: offers, codes and points.

    They themselves may, and for anyone the shop's people and programs.
    """
    return user_id == caller.user_id or bool(caller.roles & SHOP)


async def by_external_id(
    external_id: str, *, caller: Principal, loaders: Loaders, field: tuple[str, ...] = ()
) -> str:
    """Return who has this id in the shop's own system. `field` is where the input has it.

    Raises NotFound alike for an id that nobody has and, to customers, for another's.
    """
    found = None
    if len(external_id) <= LONGEST_EXTERNAL_ID and external_id.isprintable():
        found = await loaders.by_external_id(external_id)
    if found is None or not may_ask_about(found, caller):
        raise NotFound(
            f"Nobody has the id {external_id[:100]!r} in the shop's own system: import them first, "
            "with this `externalId`.",
            code="UNKNOWN_USER",
            field=field,
        )
    return found


def may_see(user_id: str, caller: Principal) -> bool:
    """Whether a caller may see who a person is: themselves, or anyone for the shop's people."""
    return user_id == caller.user_id or bool(caller.roles & STAFF)


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """A list of people: its pages, and its length for those who ask."""

    stores: Stores
    which: Which

    async def page(self, window: Window) -> Page[User]:
        """Return one page."""
        return await self.stores.users.page(window, self.which)

    async def count(self) -> int:
        """Return how long the whole list is."""
        return await self.stores.users.count(self.which)


async def listing(
    which: Which, *, email: str | None, external_id: str | None = None, stores: Stores
) -> Listing:
    """Return those of these people who have an address and an id in the shop's own system.

    What is None is not asked about.
    """
    if email is not None:
        found = await stores.identities.find_user_id(normalised(email))
        which = replace(which, ids=() if found is None else (found,))
    if external_id is not None:
        owners = set((await stores.identities.find_external([external_id])).values())
        which = replace(which, ids=tuple(owners if which.ids is None else owners & {*which.ids}))
    return Listing(stores=stores, which=which)


async def update_profile(
    changes: Mapping[str, Any], *, version: int, caller: Principal, stores: Stores, wall: datetime
) -> User:
    """Change what the caller says about themselves. `changes` holds only what is to change.

    Raises Invalid for a value that cannot be, Conflict if someone else was faster.
    """
    stored: dict[str, Any] = {}
    for field, value in changes.items():
        stored |= PROFILE[field](value, wall)
    return await stores.users.edit(caller.user_id, stored, version=version)


async def assign_roles(
    user_id: str, roles: Collection[Role], *, version: int, caller: Principal, stores: Stores
) -> User:
    """Have a person be what they are to be in the shop, instead of what they were.

    Nobody takes the run of the house from themselves. Raises Invalid, NotFound, and Conflict if
    someone else was faster, or as `give_roles` does.
    """
    if not roles:
        raise Invalid("Give at least one role; CUSTOMER is the least.", field=("roles",))
    if user_id == caller.user_id and Role.ADMIN not in roles:
        raise Conflict(
            "Another administrator has to take that from you.", code="OWN_ROLES", field=("roles",)
        )
    user = await stores.users.get(user_id)
    if user.version != version:
        raise Conflict(STALE)
    return await give_roles(user, roles, stores=stores)


async def give_roles(user: User, roles: Collection[Role], *, stores: Stores) -> User:
    """Give a person, as they were read, other roles. Raises Conflict if they were changed since.

    Raises Conflict (LAST_ADMIN) if nobody would be left to have the run of the house. Of those who
    take it from each other at one moment one is left: each first has another administrator stay,
    who is thereby changed, and what was read of somebody changed is no longer good enough.
    """
    leaves = Role.ADMIN in user.roles and Role.ADMIN not in roles
    if leaves and not await stores.users.hold_admin(besides=user.id):
        raise Conflict("This is the last administrator; make another first.", code="LAST_ADMIN")
    values = sorted({role.value for role in roles})
    return await stores.users.edit(user.id, {"roles": values}, version=user.version)


def acceptable_name(value: str) -> str:
    """Return a name as it is kept. Raises Invalid."""
    name = " ".join(value.split())
    if len(name) > _LONGEST_NAME:
        raise Invalid(f"A name has at most {_LONGEST_NAME} characters.", field=("name",))
    if not name.isprintable():
        raise Invalid("A name has no control characters.", field=("name",))
    return name


def _locale(value: str | None) -> str | None:
    if value is not None and not _LOCALE.fullmatch(value):
        raise Invalid("A locale is a language and a region, as de-AT.", field=("locale",))
    return value


def _timezone(value: str | None) -> str | None:
    if value is not None and value not in available_timezones():
        raise Invalid("A time zone is an IANA name, as Europe/Vienna.", field=("timezone",))
    return value


def _birthday(value: date | None, wall: datetime) -> date | None:
    # A day ahead of UTC somewhere is still today.
    if value is not None and not date(1900, 1, 1) <= value <= (wall + timedelta(days=1)).date():
        raise Invalid("A birthday lies between 1900 and today.", field=("birthday",))
    return value


def _phone(value: str | None) -> str | None:
    if not value:
        return None
    number = re.sub(r"[\s()/.-]", "", value)
    if not _PHONE.fullmatch(number):
        raise Invalid(
            "A telephone number begins with + and the country, as +43660123456.", field=("phone",)
        )
    return number


def _devices(value: list[str] | None) -> list[str] | None:
    tokens = list(dict.fromkeys(value or ()))
    if len(tokens) > _MOST_DEVICES:
        raise Invalid(f"A person has at most {_MOST_DEVICES} devices.", field=("devices",))
    if not all(0 < len(token) <= _LONGEST_TOKEN and token.isprintable() for token in tokens):
        raise Invalid("A device's token is 1 to 4,096 printable characters.", field=("devices",))
    return tokens or None


def _topics(value: Mapping[tuple[str, str], bool]) -> dict[str, bool]:
    for channel, topic in value:
        if channel not in ADDRESS or not is_topic(topic):
            raise Invalid(
                "A topic is 1 to 60 letters, digits, _ or -, on EMAIL, SMS or PUSH.",
                field=("consent", "topics"),
            )
    return {f"consent.topics.{channel}.{topic}": on for (channel, topic), on in value.items()}


# For each field of a profile: its value and the time → what to store.
PROFILE: Mapping[str, Any] = {
    "name": lambda value, _: {"name": acceptable_name(value or "")},
    "locale": lambda value, _: {"locale": _locale(value)},
    "timezone": lambda value, _: {"timezone": _timezone(value)},
    "birthday": lambda value, wall: {"birthday": _birthday(value, wall)},
    "phone": lambda value, _: {"phone": _phone(value)},
    "devices": lambda value, _: {"devices": _devices(value)},
    "consent": lambda value, _: {f"consent.{name}": bool(on) for name, on in value.items()},
    "topics": lambda value, _: _topics(value),
}
