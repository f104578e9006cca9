"""Other people's ids: whoever may not see a thing is told the same as if it were not there.

Every id that an operation takes has a row. Where some of those who may use the operation may not
see the thing, there is a document as well, with which both are asked. That it asks for something
is shown by whoever may see the thing: they are told something else about what is not there.
"""

from collections.abc import Iterable, Iterator
from typing import Any

import pytest
from graphql import GraphQLArgument, GraphQLInputObjectType, get_named_type

from models.ids import new_id
from models.principal import Role
from models.unique_code import Code
from resolvers.access import declared
from resolvers.api import api as built
from schema.ids import split_global, to_global
from services import codes
from tests.client import Api, Caller
from tests.everything import CLAIM as CLAIMED
from tests.everything import GROUP as OPENED
from tests.everything import MAY_SEE, Everything, one_of_each
from tests.shop import NOW
from tests.staging import once

# Integrators act for everybody, also for those whom they do not see.
MAY_NAME = MAY_SEE | {
    "User": MAY_SEE["User"] | {Role.INTEGRATOR},
    "External": MAY_SEE["User"] | {Role.INTEGRATOR},
    "Code": MAY_SEE["UniqueCode"] | {"owner"},
}
# Once someone is erased, nothing knows their id in another system.
NOT_EXTERNAL = {"Query.erasure.userId"}


def external(rows: Iterable[str]) -> dict[str, str]:
    """Return the rows of ids of other systems, each beside an id of ours, by their names."""
    beside = {row: row.removesuffix("userId") + "externalId" for row in rows if "userId" in row}
    beside["Query.user.id"] = "Query.user.externalId"
    return {to: row for row, to in beside.items() if row not in NOT_EXTERNAL}


# What each id is the id of. Codes are as good as ids.
KINDS = {
    "Query.node.id": "User",
    "Query.nodes.ids": "Claim",
    "Query.user.id": "User",
    "Query.campaign.id": "Campaign",
    "Query.publications.campaignId": "Campaign",
    "Query.sentMessages.userId": "User",
    "Query.checkRules.campaignId": "Campaign",
    "Query.completeRules.campaignId": "Campaign",
    "Query.hoverRules.campaignId": "Campaign",
    "Query.segmentPreview.campaignId": "Campaign",
    "Query.explainRules.input.campaignId": "Campaign",
    "Query.explainRules.input.userId": "User",
    "Query.explainRules.input.cart.lines.claim": "Claim",
    "Query.explainRules.input.cart.lines.group": "Group",
    "Query.explainRules.input.cart.codes": "Code",
    "Query.quoteCart.input.cart.lines.claim": "Claim",
    "Query.quoteCart.input.cart.lines.group": "Group",
    "Query.quoteCart.input.cart.codes": "Code",
    "Query.quoteCart.input.userId": "User",
    "Query.quoteCart.input.campaignId": "Campaign",
    "Query.offersFor.cart.lines.claim": "Claim",
    "Query.offersFor.cart.lines.group": "Group",
    "Query.offersFor.cart.codes": "Code",
    "Query.offersFor.userId": "User",
    "Query.codesFor.userId": "User",
    "Query.codes.filter.userId": "User",
    "Query.order.id": "Order",
    "Query.orders.filter.userId": "User",
    "Query.group.id": "Group",
    "Query.import.id": "Import",
    "Query.importErrors.id": "Import",
    "Query.draw.id": "Draw",
    "Query.drawRecord.id": "Draw",
    "Query.drawReceipts.id": "Draw",
    "Query.pointsAccount.userId": "User",
    "Query.pointsStatement.userId": "User",
    "Query.userTimeline.userId": "User",
    "Query.auditLog.about": "Campaign",
    "Query.erasure.userId": "User",
    "Query.exportPerson.userId": "User",
    "Mutation.erasePerson.input.userId": "User",
    "Mutation.assignRoles.input.userId": "User",
    "Query.whyNotSent.userId": "User",
    "Query.templatePreview.userId": "User",
    "Mutation.revokeSession.input.id": "Session",
    "Mutation.revokeOtherSessions.input.keep": "Session",
    "Mutation.updateCampaign.input.id": "Campaign",
    "Mutation.submitCampaign.input.id": "Campaign",
    "Mutation.approveCampaign.input.id": "Campaign",
    "Mutation.rejectCampaign.input.id": "Campaign",
    "Mutation.publishCampaign.input.id": "Campaign",
    "Mutation.pauseCampaign.input.id": "Campaign",
    "Mutation.resumeCampaign.input.id": "Campaign",
    "Mutation.endCampaign.input.id": "Campaign",
    "Mutation.archiveCampaign.input.id": "Campaign",
    "Mutation.rollbackCampaign.input.id": "Campaign",
    "Mutation.cancelImport.input.id": "Import",
    "Mutation.retryMessage.input.id": "SentMessage",
    "Mutation.redriveEvents.input.ids": "EventSetAside",
    "Mutation.placeOrder.input.cart.lines.claim": "Claim",
    "Mutation.placeOrder.input.cart.lines.group": "Group",
    "Mutation.placeOrder.input.cart.codes": "Code",
    "Mutation.placeOrder.input.userId": "User",
    "Mutation.cancelOrder.input.id": "Order",
    "Mutation.returnItems.input.id": "Order",
    "Mutation.generateCodes.input.userId": "User",
    "Mutation.revokeCodes.input.codes": "Code",
    "Mutation.claimStock.input.userId": "User",
    "Mutation.confirmClaim.input.claimId": "Claim",
    "Mutation.returnClaim.input.claimId": "Claim",
    "Mutation.openGroup.input.userId": "User",
    "Mutation.joinGroup.input.groupId": "Group",
    "Mutation.joinGroup.input.userId": "User",
    "Mutation.buyDrawEntry.input.userId": "User",
    "Mutation.revokeApiKey.input.id": "ApiKey",
    "Mutation.redeliver.input.id": "Delivery",
    "Subscription.campaignActivity.campaignId": "Campaign",
    "Query.users.filter.externalId": "External",
}
KINDS |= dict.fromkeys(external(KINDS), "External")
ERRORS = "userErrors { code field message }"
CLAIM = f"claim {{ id }} {ERRORS}"
GROUP = f"group {{ id }} {ERRORS}"
RECEIPT = f"receipt {{ ticket }} {ERRORS}"
QUOTE = f"quote {{ total {{ amount }} promotions {{ name reason {{ code }} }} }} {ERRORS}"
LINE = 'sku: "A", price: "120.00"'
CART = f'cart: {{ currency: "USD", lines: [{{ {LINE} }}]'

# How each is asked for. `$id` is the id; LINE and CART open a cart of one line.
ASKED = {
    "Query.node.id": "query ($id: ID!) { node(id: $id) { id } }",
    "Query.nodes.ids": "query ($id: ID!) { nodes(ids: [$id]) { id } }",
    "Query.user.id": "query ($id: ID!) { user(id: $id) { id name email } }",
    "Query.explainRules.input.cart.lines.claim": f"""query ($id: ID!) {{
      explainRules(input: {{
        name: "luck", cart: {{ currency: "USD", lines: [{{ {LINE}, claim: $id }}] }}
      }}) {{ nodes {{ text }} }}
    }}""",
    "Query.quoteCart.input.cart.lines.claim": f"""query ($id: ID!) {{
      quoteCart(input: {{ cart: {{ currency: "USD", lines: [{{ {LINE}, claim: $id }}] }} }})
      {{ {QUOTE} }}
    }}""",
    "Query.quoteCart.input.cart.codes": f"""query ($id: String!) {{
      quoteCart(input: {{ {CART}, codes: [$id] }} }}) {{ {QUOTE} }}
    }}""",
    "Query.quoteCart.input.userId": f"""query ($id: ID!) {{
      quoteCart(input: {{ {CART} }}, userId: $id }}) {{ {QUOTE} }}
    }}""",
    "Query.quoteCart.input.campaignId": f"""query ($id: ID!) {{
      quoteCart(input: {{
        {CART} }}, campaignId: $id, withPublished: true
        source: "promotion luck {{ take 5% off cart }}"
      }}) {{ {QUOTE} }}
    }}""",
    "Query.offersFor.cart.lines.claim": f"""query ($id: ID!) {{
      offersFor(cart: {{ currency: "USD", lines: [{{ {LINE}, claim: $id }}] }})
      {{ totalCount edges {{ node {{ name status saved {{ amount }} }} }} }}
    }}""",
    "Query.offersFor.cart.codes": f"""query ($id: String!) {{
      offersFor({CART}, codes: [$id] }})
      {{ totalCount edges {{ node {{ name reason {{ code }} }} }} }}
    }}""",
    "Query.offersFor.userId": """query ($id: ID!) {
      offersFor(userId: $id) { totalCount edges { node { name reason { code } } } }
    }""",
    "Query.codesFor.userId": """query ($id: ID!) {
      codesFor(userId: $id) { totalCount edges { node { code } } }
    }""",
    "Query.pointsAccount.userId": "query ($id: ID!) { pointsAccount(userId: $id) { balance } }",
    "Query.pointsStatement.userId": """query ($id: ID!) {
      pointsStatement(userId: $id) { totalCount }
    }""",
    "Query.exportPerson.userId": """query ($id: ID!) {
      exportPerson(userId: $id) { documents { collection } }
    }""",
    "Mutation.erasePerson.input.userId": f"""mutation ($id: ID!) {{
      erasePerson(input: {{ userId: $id }}) {{ erasure {{ userId }} {ERRORS} }}
    }}""",
    "Mutation.placeOrder.input.cart.codes": f"""mutation ($id: String!, $key: String!) {{
      placeOrder(input: {{ key: $key, total: "120.00", {CART}, codes: [$id] }} }})
      {{ order {{ total {{ amount }} }} {ERRORS} }}
    }}""",
    "Mutation.revokeSession.input.id": """mutation ($id: ID!) {
      revokeSession(input: { id: $id }) { session { id } userErrors { code field message } }
    }""",
    "Mutation.revokeOtherSessions.input.keep": """mutation ($id: ID!) {
      revokeOtherSessions(input: { keep: $id }) { revoked userErrors { code field message } }
    }""",
    "Mutation.claimStock.input.userId": f"""mutation ($id: ID!) {{
      claimStock(input: {{ sale: "midnight", idempotencyKey: "k7", userId: $id }}) {{ {CLAIM} }}
    }}""",
    "Mutation.openGroup.input.userId": f"""mutation ($id: ID!) {{
      openGroup(input: {{ groupBuy: "pack", idempotencyKey: "k7", userId: $id }}) {{ {GROUP} }}
    }}""",
    "Mutation.joinGroup.input.userId": f"""mutation ($id: ID!, $group: ID!) {{
      joinGroup(input: {{ groupId: $group, userId: $id }}) {{ {GROUP} }}
    }}""",
    "Mutation.buyDrawEntry.input.userId": f"""mutation ($id: ID!) {{
      buyDrawEntry(input: {{ lottery: "dream", idempotencyKey: "k7", userId: $id }}) {{ {RECEIPT} }}
    }}""",
}
ASKED |= {
    to: ASKED[row]
    .replace("$id: ID", "$id: String")
    .replace(f"{row.split('.')[-1]}: $id", "externalId: $id")
    for to, row in external(ASKED).items()
    if row in ASKED
}
# What is alike to whoever may see it, too: nothing is kept of what is not there, an order for
# nobody in particular takes no code that is somebody's, explanations look up no claims, and whoever
# is erased asks nothing any more.
ALIKE = {
    "Mutation.erasePerson.input.userId",
    "Mutation.revokeOtherSessions.input.keep",
    "Mutation.placeOrder.input.cart.codes",
    "Query.explainRules.input.cart.lines.claim",
    "Mutation.erasePerson.input.externalId",
}


def ways(arguments: dict[str, GraphQLArgument | Any]) -> Iterator[tuple[str, ...]]:
    """Yield the ways to ids in arguments, to those of other systems, and to codes."""
    for name, argument in arguments.items():
        kind = get_named_type(argument.type)
        if isinstance(kind, GraphQLInputObjectType):
            yield from ((name, *rest) for rest in ways(kind.fields))
        elif kind.name == "ID" or name in ("codes", "externalId"):
            yield (name,)


def admitted(row: str) -> set[Any]:
    """Return who may use the operation at all."""
    root, name = row.split(".")[:2]
    access = declared(built.get_field_for_type(name, root))
    assert access
    return set(access.roles) | ({None} if access.nobody else set())


def test_every_id_that_an_operation_takes_has_a_row() -> None:
    found = {
        ".".join((root, name, *way))
        for root in ("Query", "Mutation", "Subscription")
        for name, field in built._schema.type_map[root].fields.items()  # type: ignore[attr-defined]
        for way in ways(field.args)
    }

    assert found == set(KINDS)
    # Whoever may use the others may see all things of the kind.
    assert {row for row in found if admitted(row) - MAY_NAME[KINDS[row]]} == set(ASKED)


@pytest.fixture
@once
async def shop(api: Api) -> Everything:
    made = await one_of_each(api)
    own = Code(code=codes.fresh(), promotion="luck", made_at=NOW, user_id=made.ann.id)
    await api.stores.codes.add([own])
    made.ids["Code"] = own.code
    made.ids["External"] = "C-1017"
    await api.stores.identities.link_external("C-1017", made.ann.id)
    return made


def missing(kind: str, id: str) -> str:
    """Return an id of the same kind that nothing has."""
    if kind in ("Code", "External"):
        return codes.fresh()
    return to_global(split_global(id)[0], new_id())


async def answered(api: Api, row: str, id: str, by: Caller | None, group: str) -> str:
    """Return the whole answer, without the id that was asked for."""
    given = {"id": id, "group": group, "key": new_id()}
    answer = await api.post(ASKED[row], given, by=by)
    text = f"{answer.status_code} {answer.text}".replace(id, "ID")
    return text if KINDS[row] in ("Code", "External") else text.replace(split_global(id)[1], "KEY")


async def test_what_others_have_is_to_nobody_else_there(api: Api, shop: Everything) -> None:
    callers: dict[Any, Caller | None] = {role: await api.caller(role) for role in Role}
    callers[None] = None

    for row in ASKED:
        kind = KINDS[row]
        real, none = shop.ids[kind], missing(kind, shop.ids[kind])
        for who in callers.keys() - MAY_NAME[kind]:
            given = [
                await answered(api, row, each, callers[who], shop.ids["Group"])
                for each in (real, none)
            ]

            assert given[0] == given[1], (row, who)


async def test_what_is_no_id_is_refused_by_its_place(api: Api, shop: Everything) -> None:
    rows = [row for row in ASKED if row.startswith("Mutation.") and KINDS[row] != "Code"]
    assert rows

    for row in rows:
        _, name, _, *place = row.split(".")
        given = {"id": "nonsense", "group": shop.ids["Group"], "key": new_id()}
        payload = (await api.ask(ASKED[row], given, by=shop.admin))[name]

        (error,) = payload["userErrors"]
        code = "UNKNOWN_USER" if KINDS[row] == "External" else "NOT_FOUND"
        assert (error["code"], error["field"]) == (code, place), row


async def test_who_may_see_a_thing_is_told_of_it(api: Api, shop: Everything) -> None:
    # Ending a session comes last.
    for row in sorted(ASKED.keys() - ALIKE, key=lambda row: KINDS[row] == "Session"):
        kind = KINDS[row]
        owned = "owner" in MAY_NAME[kind] and Role.CUSTOMER in admitted(row)
        caller = shop.ann if owned else shop.admin
        real, none = shop.ids[kind], missing(kind, shop.ids[kind])

        given = [await answered(api, row, each, caller, shop.ids["Group"]) for each in (none, real)]

        assert given[0] != given[1], row
        assert "GRAPHQL_VALIDATION_FAILED" not in given[1], given


async def test_a_key_that_another_chose_is_as_good_as_any(api: Api, shop: Everything) -> None:
    bob = await api.caller(Role.CUSTOMER)

    for document, kind in ((CLAIMED, "Claim"), (OPENED, "Group")):
        (payload,) = (await api.ask(document, by=bob)).values()
        (made,) = payload.values()
        assert made["id"] != shop.ids[kind]
