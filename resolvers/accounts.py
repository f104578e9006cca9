"""Letters about accounts, and what they are good for. Each field is one call to a service."""

from typing import Annotated

import strawberry

from models.letter import Purpose
from resolvers.access import anyone, signed_in
from schema.account import (
    ChangePasswordInput,
    ChangePasswordPayload,
    RequestEmailVerificationInput,
    RequestEmailVerificationPayload,
    RequestPasswordResetInput,
    RequestPasswordResetPayload,
    ResetPasswordInput,
    ResetPasswordPayload,
    VerifyEmailInput,
    VerifyEmailPayload,
)
from schema.context import Context, Info
from services import accounts


@strawberry.type
class AccountMutations:
    @strawberry.mutation(
        description="Have a letter sent with which a new password can be chosen. "
        "The answer does not tell whether there is such an account.",
        extensions=anyone(),
    )
    async def request_password_reset(
        self,
        info: Info,
        input: Annotated[
            RequestPasswordResetInput, strawberry.argument(description="Which account.")
        ],
    ) -> RequestPasswordResetPayload:
        await _request(Purpose.RESET, input.email, info.context)
        return RequestPasswordResetPayload(requested=True)

    @strawberry.mutation(
        description="Choose a new password with the token of a letter. Ends all sessions.",
        extensions=anyone(),
    )
    async def reset_password(
        self,
        info: Info,
        input: Annotated[ResetPasswordInput, strawberry.argument(description="Token, password.")],
    ) -> ResetPasswordPayload:
        context = info.context
        await accounts.reset_password(
            input.token,
            input.password,
            address=context.address,
            stores=context.stores,
            passwords=context.passwords,
            seals=context.seals,
            wall=context.clock.wall(),
        )
        return ResetPasswordPayload(reset=True)

    @strawberry.mutation(
        description="Choose another password. Ends all other sessions. For the caller's own "
        "account, with the password until now.",
        extensions=signed_in(),
    )
    async def change_password(
        self,
        info: Info,
        input: Annotated[ChangePasswordInput, strawberry.argument(description="Old and new.")],
    ) -> ChangePasswordPayload:
        context = info.context
        await accounts.change_password(
            input.current_password,
            input.password,
            caller=context.caller,
            address=context.address,
            stores=context.stores,
            passwords=context.passwords,
            wall=context.clock.wall(),
        )
        return ChangePasswordPayload(changed=True)

    @strawberry.mutation(
        description="Have a letter sent that shows whose an address is. Registering does so, too. "
        "The answer does not tell whether there is such an account.",
        extensions=anyone(),
    )
    async def request_email_verification(
        self,
        info: Info,
        input: Annotated[
            RequestEmailVerificationInput, strawberry.argument(description="Which account.")
        ],
    ) -> RequestEmailVerificationPayload:
        await _request(Purpose.VERIFY, input.email, info.context)
        return RequestEmailVerificationPayload(requested=True)

    @strawberry.mutation(
        description="Show that an address is one's own, with the token of a letter.",
        extensions=anyone(),
    )
    async def verify_email(
        self,
        info: Info,
        input: Annotated[VerifyEmailInput, strawberry.argument(description="The token.")],
    ) -> VerifyEmailPayload:
        context = info.context
        await accounts.verify_email(
            input.token,
            address=context.address,
            stores=context.stores,
            seals=context.seals,
            wall=context.clock.wall(),
        )
        return VerifyEmailPayload(verified=True)


async def _request(purpose: Purpose, email: str, context: Context) -> None:
    await accounts.request(
        purpose,
        email,
        address=context.address,
        stores=context.stores,
        jobs=context.jobs,
        wall=context.clock.wall(),
    )
