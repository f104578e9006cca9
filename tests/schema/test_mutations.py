"""Every mutation can be sent again, and none overwrites what its caller has not seen."""

from graphql import GraphQLInputObjectType, get_named_type

from resolvers.api import api

# What an edit names, so that it is refused if someone else was faster.
VERSIONS = {"version", "publication", "current"}
# What makes it known when it is sent again.
KEYS = {"idempotencyKey", "key"}
# Those that need neither, and why.
ENDS = "what has ended has ended: sent again it changes nothing"
NATURAL = "known by what it is about: there can be only one"
NAMED = "known by its name: sent again it is refused with NAME_TAKEN"
ONCE = "the token that it carries is good once"
LETTER = "sends a letter, and only so many in an hour"
AGAIN = "is there to be done again"
STATED = "says how something is: sent again it says the same"
NEITHER = {
    "cancelImport": ENDS,
    "cancelOrder": ENDS,
    "changePassword": "the password until now is good once",
    "completeRegistration": ONCE,
    "confirmClaim": NATURAL,
    "createAudience": NAMED,
    "createWebhook": NAMED,
    "enableAudience": STATED,
    "erasePerson": NATURAL,
    "identify": NATURAL,
    "ingestEvents": "each event has a source and an id",
    "joinGroup": NATURAL,
    "pingWebhook": AGAIN,
    "redeliver": AGAIN,
    "redriveEvents": "what was put back is no longer set aside",
    "redriveLetters": "what was put back is no longer set aside",
    "refreshSession": ONCE,
    "register": LETTER,
    "removeAudience": ENDS,
    "replayWebhook": AGAIN,
    "requestEmailVerification": LETTER,
    "requestPasswordReset": LETTER,
    "resetPassword": ONCE,
    "retryMessage": "what is tried again has not failed: sent again it is refused with CONFLICT",
    "returnClaim": ENDS,
    "revokeApiKey": ENDS,
    "revokeCodes": ENDS,
    "revokeOtherSessions": ENDS,
    "revokeSession": ENDS,
    "sendTestMessage": AGAIN,
    "signIn": "opens a session each time, and the caller's password is all that it takes",
    "signOut": ENDS,
    "suppressAddress": STATED,
    "unsuppressAddress": STATED,
    "upsertProducts": STATED,
    "verifyEmail": ONCE,
}
assert api._schema.mutation_type is not None
INPUTS = {
    name: get_named_type(field.args["input"].type)
    for name, field in api._schema.mutation_type.fields.items()
}


def taken(name: str) -> set[str]:
    kind = INPUTS[name]
    assert isinstance(kind, GraphQLInputObjectType)
    return set(kind.fields)


def test_every_mutation_takes_a_version_or_a_key_or_needs_neither() -> None:
    """If this fails: have it take one of them, or say above why it needs none."""
    forgotten = {name for name in INPUTS if not taken(name) & (VERSIONS | KEYS)}

    assert forgotten == set(NEITHER)


def test_what_makes_or_takes_something_has_a_key() -> None:
    keyed = {name for name in INPUTS if taken(name) & KEYS}

    assert keyed == {
        "buyDrawEntry",
        "claimStock",
        "createApiKey",
        "createCampaign",
        "generateCodes",
        "openGroup",
        "placeOrder",
        "returnItems",
    }
