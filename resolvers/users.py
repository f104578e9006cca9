"""Users, sessions and profiles. Each field is one call to a service."""

from typing import Annotated, Any

import strawberry
from strawberry import UNSET

from models import user as models
from models.principal import Role
from models.session import TokenPair
from resolvers.access import anyone, roles, signed_in, staff
from resolvers.naming import somebody
from resolvers.nodes import found_by_key
from resolvers.paging import Paged
from schema.context import Info
from schema.paging import Asked, Connection
from schema.user import (
    AssignRolesInput,
    AssignRolesPayload,
    CompleteRegistrationInput,
    CompleteRegistrationPayload,
    RefreshSessionInput,
    RefreshSessionPayload,
    RegisterInput,
    RegisterPayload,
    SessionTokens,
    SignInInput,
    SignInPayload,
    SignOutInput,
    SignOutPayload,
    UpdateProfileInput,
    UpdateProfilePayload,
    User,
    UserFilter,
    UserOrder,
)
from services import accounts, people, sessions


@strawberry.type
class UserQueries:
    @strawberry.field(description="The caller; null for nobody.", extensions=anyone())
    async def me(self, info: Info) -> User | None:
        context = info.context
        if context.principal is None:
            return None
        return User.of(await context.stores.users.get(context.principal.user_id))

    @strawberry.field(
        description="One person. Customers see only themselves: others are null to them.",
        extensions=signed_in(),
    )
    async def user(
        self,
        info: Info,
        id: Annotated[
            strawberry.ID | None,
            strawberry.argument(description="Whose. This or `externalId` has to be given."),
        ] = None,
        external_id: Annotated[
            str | None,
            strawberry.argument(
                description="Their id in the shop's own system, as it was imported; instead of "
                "`id`."
            ),
        ] = None,
    ) -> User | None:
        key = await somebody(info.context, id, external_id, own="id")
        return await found_by_key(User, key, info.context)

    @strawberry.field(
        description="People, in the order in which they became known.",
        extensions=[*staff(), Paged(order=UserOrder)],
    )
    async def users(
        self,
        info: Info,
        asked: Asked,
        filter: Annotated[
            UserFilter | None, strawberry.argument(description="Which people.")
        ] = None,
    ) -> Connection[User]:
        listing = await people.listing(
            filter.which() if filter else models.EVERYONE,
            email=filter.email if filter else None,
            external_id=filter.external_id if filter else None,
            stores=info.context.stores,
        )
        return Connection[User].of(
            await listing.page(asked.window),
            asked,
            node=User.of,
            position=lambda user: asked.window.position(user.id, created_at=user.created_at),
            count=listing.count,
        )


@strawberry.type
class UserMutations:
    @strawberry.mutation(
        description="Ask to join as a customer. A letter is sent whose token makes the account. "
        "The answer does not tell whether there is one.",
        extensions=anyone(),
    )
    async def register(
        self,
        info: Info,
        input: Annotated[RegisterInput, strawberry.argument(description="Who joins.")],
    ) -> RegisterPayload:
        context = info.context
        await accounts.register(
            email=input.email,
            name=input.name,
            address=context.address,
            stores=context.stores,
            jobs=context.jobs,
            wall=context.clock.wall(),
        )
        return RegisterPayload(requested=True)

    @strawberry.mutation(
        description="Join with the token of a letter, and sign in.", extensions=anyone()
    )
    async def complete_registration(
        self,
        info: Info,
        input: Annotated[
            CompleteRegistrationInput, strawberry.argument(description="Token, password.")
        ],
    ) -> CompleteRegistrationPayload:
        context = info.context
        user = await accounts.complete_registration(
            input.token,
            input.password,
            address=context.address,
            stores=context.stores,
            passwords=context.passwords,
            seals=context.seals,
            wall=context.clock.wall(),
            now=context.clock.now(),
        )
        pair = await sessions.open_session(
            user,
            client=context.client,
            stores=context.stores,
            tokens=context.tokens,
            wall=context.clock.wall(),
        )
        return CompleteRegistrationPayload(**_opened(user, pair))

    @strawberry.mutation(
        description="Open a session with an e-mail address and a password.", extensions=anyone()
    )
    async def sign_in(
        self,
        info: Info,
        input: Annotated[SignInInput, strawberry.argument(description="Who signs in.")],
    ) -> SignInPayload:
        context = info.context
        user, pair = await sessions.sign_in(
            email=input.email,
            password=input.password,
            origin=sessions.Origin(context.address, context.client),
            stores=context.stores,
            passwords=context.passwords,
            tokens=context.tokens,
            wall=context.clock.wall(),
        )
        return SignInPayload(**_opened(user, pair))

    @strawberry.mutation(
        description="Trade a refresh token for new tokens. Each is good for one use: the one "
        "before the newest is answered alike for ten seconds, older ones end the session.",
        extensions=anyone(),
    )
    async def refresh_session(
        self,
        info: Info,
        input: Annotated[RefreshSessionInput, strawberry.argument(description="Which session.")],
    ) -> RefreshSessionPayload:
        context = info.context
        user, pair = await sessions.refresh(
            input.refresh_token,
            stores=context.stores,
            tokens=context.tokens,
            wall=context.clock.wall(),
        )
        return RefreshSessionPayload(**_opened(user, pair))

    @strawberry.mutation(description="End the caller's session.", extensions=signed_in())
    async def sign_out(
        self,
        info: Info,
        input: Annotated[SignOutInput, strawberry.argument(description="Which sessions.")],
    ) -> SignOutPayload:
        context = info.context
        await sessions.sign_out(
            everywhere=input.everywhere,
            caller=context.caller,
            stores=context.stores,
            wall=context.clock.wall(),
        )
        return SignOutPayload(signed_out=True)

    @strawberry.mutation(
        description="Change what the caller says about themselves.", extensions=signed_in()
    )
    async def update_profile(
        self,
        info: Info,
        input: Annotated[UpdateProfileInput, strawberry.argument(description="What to change.")],
    ) -> UpdateProfilePayload:
        context = info.context
        user = await people.update_profile(
            _given(input, "name", "locale", "timezone", "birthday", "phone", "devices")
            | {
                "consent": _given(
                    input.consent or UNSET, "email", "sms", "push", "tracking", "social"
                ),
                "topics": input.consent.by_topic() if input.consent else {},
            },
            version=input.version,
            caller=context.caller,
            stores=context.stores,
            wall=context.clock.wall(),
        )
        return UpdateProfilePayload(user=User.of(user))

    @strawberry.mutation(
        description="Say what someone is in the shop, as a marketer or an analyst. It holds within "
        "five seconds, everywhere. Administrators cannot take their own role from themselves.",
        extensions=roles(Role.ADMIN),
    )
    async def assign_roles(
        self,
        info: Info,
        input: Annotated[AssignRolesInput, strawberry.argument(description="Who, and what.")],
    ) -> AssignRolesPayload:
        context = info.context
        user = await people.assign_roles(
            await somebody(context, input.user_id, input.external_id),
            input.roles,
            version=input.version,
            caller=context.caller,
            stores=context.stores,
        )
        return AssignRolesPayload(user=User.of(user))


def _opened(user: models.User, pair: TokenPair) -> dict[str, Any]:
    return {"user": User.of(user), "session": SessionTokens.of(pair)}


def _given(input: Any, *names: str) -> dict[str, Any]:
    """Return the fields that the client has sent, null included."""
    given = {name: getattr(input, name, UNSET) for name in names}
    return {name: value for name, value in given.items() if value is not UNSET}
