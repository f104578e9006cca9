"""Getting back into an account, and showing that its address is one's own."""

from datetime import datetime

from models.address import normalised
from models.errors import Conflict, Invalid
from models.letter import Letter, Purpose
from models.principal import Principal
from models.store import Stores
from models.user import User
from services import letters, people, throttling
from services.jobs import Jobs
from services.passwords import LONGEST, Passwords, check_acceptable
from services.seals import Seals


async def register(
    *, email: str, name: str, address: str, stores: Stores, jobs: Jobs, wall: datetime
) -> None:
    """Have a letter sent with which its reader makes an account, or that says that there is one.

    The answer and the work are the same for every address. Raises Invalid and RateLimited.
    """
    email, name = normalised(email), people.acceptable_name(name)
    kind = Purpose.JOIN
    await throttling.admit_letter(kind.value, email, address, stores=stores, wall=wall)
    await letters.write(kind, email, user_id=None, stores=stores, jobs=jobs, wall=wall, name=name)


async def complete_registration(
    token: str,
    password: str,
    *,
    address: str,
    stores: Stores,
    passwords: Passwords,
    seals: Seals,
    wall: datetime,
    now: datetime,
) -> User:
    """Make the account that a letter is about. Whoever reads it chooses the password, nobody else.

    Raises Invalid: BAD_TOKEN for a token that is not good (any more), or for a password that
    nobody should use; RateLimited if too many wait. They leave the token good.
    """
    letter = await _letter(token, Purpose.JOIN, address, stores=stores, seals=seals, wall=wall)
    check_acceptable(password, email=letter.email)
    async with passwords.turn():
        user = await people.join(
            letter.email,
            password,
            name=letter.name,
            stores=stores,
            passwords=passwords,
            wall=wall,
            now=now,
        )
    if user is None:
        raise _bad_token()
    await stores.letters.drop_address(letter.email, Purpose.JOIN)
    return user


async def request(
    purpose: Purpose, email: str, *, address: str, stores: Stores, jobs: Jobs, wall: datetime
) -> None:
    """Have a letter sent to an address if there is an account with it. Raises RateLimited.

    The answer and the work are the same for every address, whether it is anyone's or not.
    """
    email = normalised(email)
    await throttling.admit_letter(purpose.value, email, address, stores=stores, wall=wall)
    user_id = await stores.identities.find_user_id(email)
    await letters.write(purpose, email, user_id=user_id, stores=stores, jobs=jobs, wall=wall)


async def reset_password(
    token: str,
    password: str,
    *,
    address: str,
    stores: Stores,
    passwords: Passwords,
    seals: Seals,
    wall: datetime,
) -> None:
    """Give an account a new password and end all its sessions.

    Raises Invalid: BAD_TOKEN for a token that is not good (any more), or for a password that
    nobody should use; RateLimited if too many wait. They leave the token good.
    """
    letter = await _letter(token, Purpose.RESET, address, stores=stores, seals=seals, wall=wall)
    check_acceptable(password, email=letter.email)
    async with passwords.turn():
        hashed = await passwords.hash(password)
    user_id = await _use(letter, stores=stores, wall=wall)
    await stores.sessions.revoke_all(user_id, now=wall)
    await stores.credentials.put(user_id, hashed, now=wall)
    # Again: someone may have signed in with the old password in between.
    await stores.sessions.revoke_all(user_id, now=wall)
    await stores.letters.drop(user_id, Purpose.RESET)
    # Who reads what is sent to an address has it.
    await stores.users.verify(user_id, letter.email, now=wall)
    await throttling.forgive(letter.email, address, stores=stores)


async def change_password(
    current: str,
    password: str,
    *,
    caller: Principal,
    address: str,
    stores: Stores,
    passwords: Passwords,
    wall: datetime,
) -> None:
    """Give the caller a new password and end all their other sessions.

    Raises Invalid (WRONG_PASSWORD, or for a password that nobody should use), Conflict if it was
    changed meanwhile, and RateLimited: tries are counted as those to sign in are.
    """
    user = await stores.users.get(caller.user_id)
    email = user.email or ""
    hashed = await stores.credentials.find(user.id)
    check_acceptable(password, email=email)
    async with passwords.turn():
        await throttling.admit(email, address, stores=stores, wall=wall)
        known = await _match(current, hashed, passwords, "currentPassword")
        fresh = await passwords.hash(password)
    if not await stores.credentials.change(user.id, fresh, was=known, now=wall):
        raise Conflict("The password was changed meanwhile.")
    await stores.sessions.revoke_all(user.id, now=wall, but=[caller.session_id])
    await stores.letters.drop(user.id, Purpose.RESET)
    await throttling.forgive(email, address, stores=stores)


async def show_password(
    password: str | None,
    *,
    caller: Principal,
    address: str,
    stores: Stores,
    passwords: Passwords,
    wall: datetime,
) -> None:
    """Have someone show once more who they are, who has signed in: a token alone can be stolen.

    Raises Invalid (WRONG_PASSWORD), Conflict (NO_PASSWORD) for an account without one, and
    RateLimited: tries are counted as those to sign in are. To give none is no try.
    """
    if not password:
        raise Invalid("Give your password with it.", code="WRONG_PASSWORD", field=("password",))
    user = await stores.users.get(caller.user_id)
    email = user.email or ""
    hashed = await stores.credentials.find(user.id)
    if hashed is None:
        raise Conflict(
            "This account has no password; choose one with a letter from requestPasswordReset.",
            code="NO_PASSWORD",
            field=("password",),
        )
    async with passwords.turn():
        await throttling.admit(email, address, stores=stores, wall=wall)
        await _match(password, hashed, passwords, "password")
        await throttling.forgive(email, address, stores=stores)


async def _match(said: str, hashed: str | None, passwords: Passwords, field: str) -> str:
    """Return the hash of what is somebody's password. Raises Invalid if it is another's."""
    if hashed is None or not await passwords.matches(said[: LONGEST + 1], hashed):
        raise Invalid("This is not your password.", code="WRONG_PASSWORD", field=(field,))
    return hashed


async def verify_email(
    token: str, *, address: str, stores: Stores, seals: Seals, wall: datetime
) -> None:
    """Note that an account's address is its owner's. Raises Invalid (BAD_TOKEN)."""
    letter = await _letter(token, Purpose.VERIFY, address, stores=stores, seals=seals, wall=wall)
    user_id = await _use(letter, stores=stores, wall=wall)
    await stores.users.verify(user_id, letter.email, now=wall)


async def _letter(
    token: str, purpose: Purpose, address: str, *, stores: Stores, seals: Seals, wall: datetime
) -> Letter:
    letter_id = seals.read(token, purpose)
    letter = await stores.letters.find(letter_id, purpose, now=wall) if letter_id else None
    if letter is None or (letter.user_id is None and purpose is not Purpose.JOIN):
        await throttling.count_address(address, stores=stores, wall=wall)
        raise _bad_token()
    return letter


async def _use(letter: Letter, *, stores: Stores, wall: datetime) -> str:
    if letter.user_id is None or not await stores.letters.use(letter.id, letter.purpose, now=wall):
        raise _bad_token()
    return letter.user_id


def _bad_token() -> Invalid:
    return Invalid(
        "This link has been used, is too old or is not complete; ask for a new one.",
        code="BAD_TOKEN",
        field=("token",),
    )
