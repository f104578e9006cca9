"""Accounts in the API: getting back into one, and showing that its address is one's own."""

import strawberry

from schema.payloads import Payload


@strawberry.input(description="Which account to send a letter about.")
class RequestPasswordResetInput:
    email: str = strawberry.field(description="The account's e-mail address.")


@strawberry.type(description="The request, taken: alike whether there is such an account or not.")
class RequestPasswordResetPayload(Payload):
    requested: bool | None = strawberry.field(
        default=None, description="True: if there is an account with this address, mail is sent."
    )


@strawberry.input(description="A new password for whoever got the letter.")
class ResetPasswordInput:
    token: str = strawberry.field(description="The token in the letter; good once, for an hour.")
    password: str = strawberry.field(description="8 to 128 characters, not a common one.")


@strawberry.type(description="The account with its new password.")
class ResetPasswordPayload(Payload):
    reset: bool | None = strawberry.field(
        default=None, description="True: all sessions have ended; sign in with the new password."
    )


@strawberry.input(description="A new password for the caller.")
class ChangePasswordInput:
    current_password: str = strawberry.field(description="The one until now.")
    password: str = strawberry.field(description="8 to 128 characters, not a common one.")


@strawberry.type(description="The account with its new password.")
class ChangePasswordPayload(Payload):
    changed: bool | None = strawberry.field(
        default=None, description="True: all the caller's other sessions have ended."
    )


@strawberry.input(description="Which address to send a letter to.")
class RequestEmailVerificationInput:
    email: str = strawberry.field(description="The account's e-mail address.")


@strawberry.type(description="The request, taken: alike whether there is such an account or not.")
class RequestEmailVerificationPayload(Payload):
    requested: bool | None = strawberry.field(
        default=None,
        description="True: if an account has this address and has not shown that it is its own, "
        "mail is sent.",
    )


@strawberry.input(description="What shows that an address is one's own.")
class VerifyEmailInput:
    token: str = strawberry.field(description="The token in the letter; good once, for three days.")


@strawberry.type(description="The address, now known to be the account's own.")
class VerifyEmailPayload(Payload):
    verified: bool | None = strawberry.field(default=None, description="True: it is.")
