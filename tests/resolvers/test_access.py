"""Who may call what: one table, held against every field the API has."""

import asyncio
from typing import Any

import pytest
import strawberry
from graphql import (
    GraphQLArgument,
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLList,
    GraphQLNonNull,
    get_named_type,
    is_composite_type,
)

from app.admission import Admitted
from models.principal import Role
from resolvers.access import declared
from resolvers.api import api as schema
from resolvers.api import checked
from tests.client import Api, Caller
from tests.staging import once

SIGNED_IN = set(Role)
EVERYONE: set[Role | None] = {*Role, None}
STAFF = {Role.ADMIN, Role.MARKETER, Role.ANALYST}
MARKETERS = {Role.ADMIN, Role.MARKETER}
INTEGRATORS = {Role.ADMIN, Role.INTEGRATOR}

TABLE: dict[str, set[Any]] = {
    "Query.node": EVERYONE,
    "Query.nodes": EVERYONE,
    "Query.me": EVERYONE,
    "Query.user": SIGNED_IN,
    "Query.users": STAFF,
    "Mutation.register": EVERYONE,
    "Mutation.completeRegistration": EVERYONE,
    "Mutation.requestPasswordReset": EVERYONE,
    "Mutation.changePassword": SIGNED_IN,
    "Mutation.resetPassword": EVERYONE,
    "Mutation.requestEmailVerification": EVERYONE,
    "Mutation.verifyEmail": EVERYONE,
    "Query.sessions": SIGNED_IN,
    "Mutation.revokeSession": SIGNED_IN,
    "Mutation.revokeOtherSessions": SIGNED_IN,
    "Mutation.signIn": EVERYONE,
    "Mutation.refreshSession": EVERYONE,
    "Mutation.signOut": SIGNED_IN,
    "Mutation.updateProfile": SIGNED_IN,
    "Mutation.assignRoles": {Role.ADMIN},
    "Query.campaign": STAFF,
    "Query.campaigns": STAFF,
    "Query.publications": STAFF,
    "Query.checkRules": STAFF,
    "Query.formatRules": STAFF,
    "Query.completeRules": STAFF,
    "Query.hoverRules": STAFF,
    "Query.segmentPreview": STAFF,
    "Query.segmentMembers": STAFF,
    "Query.explainRules": STAFF,
    "Query.publishedRules": STAFF,
    "Query.planRules": STAFF,
    "Query.quoteCart": SIGNED_IN,
    "Query.order": STAFF | INTEGRATORS,
    "Query.orders": STAFF | INTEGRATORS,
    "Query.codes": STAFF,
    "Mutation.createCampaign": MARKETERS,
    "Mutation.updateCampaign": MARKETERS,
    "Mutation.submitCampaign": MARKETERS,
    "Mutation.approveCampaign": MARKETERS,
    "Mutation.rejectCampaign": MARKETERS,
    "Mutation.publishCampaign": MARKETERS,
    "Mutation.pauseCampaign": MARKETERS,
    "Mutation.resumeCampaign": MARKETERS,
    "Mutation.endCampaign": MARKETERS,
    "Mutation.archiveCampaign": MARKETERS,
    "Mutation.rollbackCampaign": MARKETERS,
    "Mutation.rollbackPublication": MARKETERS,
    "Mutation.releaseRules": {Role.ADMIN},
    "Query.sentMessages": STAFF,
    "Query.templates": STAFF,
    "Query.userTimeline": STAFF,
    "Query.whyNotSent": STAFF,
    "Query.eventsSetAside": {Role.ADMIN},
    "Mutation.redriveEvents": {Role.ADMIN},
    "Mutation.redriveLetters": {Role.ADMIN},
    "Mutation.ingestEvents": INTEGRATORS,
    "Mutation.identify": INTEGRATORS,
    "Mutation.placeOrder": INTEGRATORS,
    "Mutation.cancelOrder": INTEGRATORS,
    "Mutation.returnItems": INTEGRATORS,
    "Mutation.upsertProducts": INTEGRATORS,
    "Mutation.generateCodes": MARKETERS,
    "Mutation.revokeCodes": MARKETERS,
    "Mutation.saveTemplate": MARKETERS,
    "Mutation.retryMessage": MARKETERS,
    "Mutation.sendTestMessage": MARKETERS,
    "Query.templateVersions": STAFF,
    "Query.templatePreview": STAFF,
    "Subscription.campaignActivity": STAFF,
    "Query.apiKeys": {Role.ADMIN},
    "Query.import": INTEGRATORS,
    "Query.imports": INTEGRATORS,
    "Query.importErrors": INTEGRATORS,
    "Mutation.cancelImport": INTEGRATORS,
    "Query.webhookDeliveries": {Role.ADMIN},
    "Mutation.pingWebhook": {Role.ADMIN},
    "Mutation.replayWebhook": {Role.ADMIN},
    "Mutation.redeliver": {Role.ADMIN},
    "Mutation.createApiKey": {Role.ADMIN},
    "Mutation.revokeApiKey": {Role.ADMIN},
    "Query.stock": EVERYONE,
    "Query.auditLog": {Role.ADMIN},
    "Query.erasure": INTEGRATORS,
    "Query.exportPerson": SIGNED_IN,
    "Mutation.erasePerson": SIGNED_IN,
    "Query.messagingPolicy": STAFF,
    "Query.suppression": {Role.ADMIN},
    "Mutation.updateMessagingPolicy": {Role.ADMIN},
    "Mutation.suppressAddress": {Role.ADMIN},
    "Mutation.unsuppressAddress": {Role.ADMIN},
    "Query.audiences": {Role.ADMIN},
    "Mutation.createAudience": {Role.ADMIN},
    "Mutation.enableAudience": {Role.ADMIN},
    "Mutation.removeAudience": {Role.ADMIN},
    "Query.offersFor": SIGNED_IN,
    "Query.codesFor": SIGNED_IN,
    "Query.webhooks": {Role.ADMIN},
    "Mutation.createWebhook": {Role.ADMIN},
    "Mutation.updateWebhook": {Role.ADMIN},
    "Mutation.rotateWebhookSecret": {Role.ADMIN},
    "Mutation.claimStock": SIGNED_IN,
    "Mutation.buyDrawEntry": SIGNED_IN,
    "Mutation.confirmClaim": INTEGRATORS,
    "Mutation.returnClaim": INTEGRATORS,
    "Subscription.feed": INTEGRATORS,
    "Subscription.orderEvents": STAFF | INTEGRATORS,
    "Subscription.segmentChanges": STAFF | INTEGRATORS,
    "Subscription.alerts": STAFF | INTEGRATORS,
    "Subscription.stock": EVERYONE,
    "Query.group": EVERYONE,
    "Query.draw": EVERYONE,
    "Query.draws": EVERYONE,
    "Query.drawRecord": EVERYONE,
    "Query.drawReceipts": SIGNED_IN,
    "Query.pointsAccount": SIGNED_IN,
    "Query.pointsStatement": SIGNED_IN,
    "Mutation.openGroup": SIGNED_IN,
    "Mutation.joinGroup": SIGNED_IN,
}

ROOTS = {
    "Query": schema._schema.query_type,
    "Mutation": schema._schema.mutation_type,
    "Subscription": schema._schema.subscription_type,
}
FIELDS: dict[str, GraphQLField] = {
    f"{root}.{name}": field
    for root, kind in ROOTS.items()
    if kind is not None
    for name, field in kind.fields.items()
}


def test_the_table_covers_every_root_field() -> None:
    assert set(TABLE) == set(FIELDS)


@pytest.mark.parametrize("name", sorted(FIELDS))
def test_every_field_declares_what_the_table_says(name: str) -> None:
    root, _, field_name = name.partition(".")
    field = schema.get_field_for_type(field_name, root)

    access = declared(field)

    assert access is not None
    allowed = set(access.roles) | ({None} if access.nobody else set())
    assert allowed == TABLE[name]


@pytest.fixture
@once
async def callers(api: Api) -> dict[Role | None, Caller | None]:
    return {role: await api.caller(role) for role in Role} | {None: None}


@pytest.mark.parametrize("name", sorted(FIELDS))
async def test_every_operation_as_every_role_and_as_nobody(
    name: str, api: Api, callers: dict[Role | None, Caller | None]
) -> None:
    document = simplest(name)

    async def ask(role: Role | None) -> str | None:
        if not name.startswith("Subscription"):
            return await api.code(document, by=callers[role])
        # A refusal must come; whoever is let in may wait for something to tell.
        within = 0.3 if role in TABLE[name] else 60
        return await subscribed(api, document, callers[role], within=within)

    codes = dict(zip(callers, await asyncio.gather(*map(ask, callers)), strict=True))

    for role, code in codes.items():
        if role in TABLE[name]:
            assert code not in ("UNAUTHENTICATED", "FORBIDDEN", "INTERNAL_SERVER_ERROR"), role
            assert code != "GRAPHQL_VALIDATION_FAILED"
        else:
            assert code == ("UNAUTHENTICATED" if role is None else "FORBIDDEN"), role


def test_an_api_with_an_undeclared_field_cannot_be_built() -> None:
    @strawberry.type
    class Query:
        @strawberry.field
        def open(self) -> str:
            return "to whom?"

    with pytest.raises(TypeError, match="does not say who may call it"):
        checked(Query)


def simplest(name: str) -> str:
    """Return the smallest document that calls this field."""
    root, _, field_name = name.partition(".")
    field = FIELDS[name]
    given = ", ".join(
        f"{key}: {value(argument.type)}"
        for key, argument in field.args.items()
        if required(argument)
    )
    arguments = f"({given})" if given else ""
    selection = " { __typename }" if is_composite_type(get_named_type(field.type)) else ""
    return f"{root.lower()} {{ {field_name}{arguments}{selection} }}"


def required(argument: GraphQLArgument | Any) -> bool:
    return isinstance(argument.type, GraphQLNonNull) and argument.default_value in (None, ...)


def value(kind: GraphQLInputType) -> str:
    """Return some literal of this type, as short as can be."""
    match kind:
        case GraphQLNonNull():
            return value(kind.of_type)
        case GraphQLList():
            return f"[{value(kind.of_type)}]"
        case GraphQLInputObjectType():
            fields = ", ".join(
                f"{key}: {value(field.type)}"
                for key, field in kind.fields.items()
                if isinstance(field.type, GraphQLNonNull)
            )
            return f"{{{fields}}}"
        case GraphQLEnumType():
            return next(iter(kind.values))
        case _:
            return {
                "Int": "1",
                "Float": "1.0",
                "Boolean": "true",
                "DateTime": '"2026-11-22T10:00:00Z"',
                "Date": '"2026-11-22"',
                "Decimal": '"1.00"',
                "JSON": "{}",
                "URL": '"https://example.test/"',
            }.get(get_named_type(kind).name, '"x"')


async def subscribed(api: Api, document: str, caller: Any, *, within: float) -> str | None:
    """Return the code of a subscription's first answer; None if it waits for something to tell."""
    context = api.context(Admitted("test-request", "127.0.0.1", caller and caller.access))
    stream = await schema.subscribe(document, context_value=context)
    try:
        async with asyncio.timeout(within):
            first = await anext(stream)
    except TimeoutError:
        return None
    finally:
        await stream.aclose()
    return first.errors[0].extensions["code"] if first.errors else None
