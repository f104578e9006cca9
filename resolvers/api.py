"""The whole API: every noun's queries, mutations and subscriptions in one schema."""

from typing import Any

import strawberry
from graphql import GraphQLError
from strawberry.schema.config import StrawberryConfig
from strawberry.types.execution import ExecutionContext

from resolvers.access import declared
from resolvers.accounts import AccountMutations
from resolvers.api_keys import ApiKeyMutations, ApiKeyQueries
from resolvers.audiences import AudienceMutations, AudienceQueries
from resolvers.audit import AuditQueries
from resolvers.campaigns import CampaignMutations, CampaignQueries, CampaignSubscriptions
from resolvers.claims import ClaimMutations, ClaimQueries, ClaimSubscriptions
from resolvers.codes import CodeMutations, CodeQueries
from resolvers.deliveries import DeliveryMutations, DeliveryQueries
from resolvers.dossiers import DossierQueries
from resolvers.draws import DrawMutations, DrawQueries
from resolvers.erasures import ErasureMutations, ErasureQueries
from resolvers.events import EventMutations, EventQueries
from resolvers.feed import FeedSubscriptions
from resolvers.groups import GroupMutations, GroupQueries
from resolvers.imports import ImportMutations, ImportQueries
from resolvers.messaging import MessagingMutations, MessagingQueries
from resolvers.nodes import NodeQueries
from resolvers.offers import OfferQueries
from resolvers.orders import OrderMutations, OrderQueries
from resolvers.points import PointsQueries
from resolvers.products import ProductMutations
from resolvers.quotes import QuoteQueries
from resolvers.releases import ReleaseMutations, ReleaseQueries
from resolvers.rules import RulesQueries
from resolvers.segments import SegmentQueries
from resolvers.sessions import SessionMutations, SessionQueries
from resolvers.set_aside import SetAsideMutations, SetAsideQueries
from resolvers.templates import TemplateMutations, TemplateQueries
from resolvers.timelines import TimelineQueries
from resolvers.users import UserMutations, UserQueries
from resolvers.webhooks import WebhookMutations, WebhookQueries
from schema.documents import Documents
from schema.errors import Errors, log_faults
from schema.execution import Execution
from schema.inputs import prepare_inputs
from schema.scalars import SCALARS


@strawberry.type(description="What can be asked.")
class Query(
    NodeQueries,
    UserQueries,
    SessionQueries,
    CampaignQueries,
    EventQueries,
    RulesQueries,
    SegmentQueries,
    ReleaseQueries,
    QuoteQueries,
    OfferQueries,
    OrderQueries,
    CodeQueries,
    ClaimQueries,
    GroupQueries,
    DrawQueries,
    PointsQueries,
    TimelineQueries,
    SetAsideQueries,
    ApiKeyQueries,
    ImportQueries,
    WebhookQueries,
    MessagingQueries,
    TemplateQueries,
    AudienceQueries,
    DeliveryQueries,
    AuditQueries,
    ErasureQueries,
    DossierQueries,
):
    pass


@strawberry.type(description="What can be done.")
class Mutation(
    UserMutations,
    AccountMutations,
    SessionMutations,
    CampaignMutations,
    EventMutations,
    SetAsideMutations,
    ReleaseMutations,
    OrderMutations,
    CodeMutations,
    ProductMutations,
    ClaimMutations,
    GroupMutations,
    DrawMutations,
    ApiKeyMutations,
    ImportMutations,
    WebhookMutations,
    MessagingMutations,
    TemplateMutations,
    AudienceMutations,
    DeliveryMutations,
    ErasureMutations,
):
    pass


@strawberry.type(description="What can be followed.")
class Subscription(CampaignSubscriptions, ClaimSubscriptions, FeedSubscriptions):
    pass


class _Schema(strawberry.Schema):
    def process_errors(
        self, errors: list[GraphQLError], execution_context: ExecutionContext | None = None
    ) -> None:
        """Log, instead of Strawberry's traceback for every mistyped query."""
        context = execution_context.context if execution_context else None
        log_faults(errors, getattr(context, "request_id", ""))


def checked(root: Any) -> Any:
    """Return the root type, or refuse to build an API with a field open to nobody knows whom."""
    for field in root.__strawberry_definition__.fields:
        if declared(field) is None:
            raise TypeError(f"{root.__name__}.{field.name} does not say who may call it")
    return root


# One per process: Strawberry's types remember the schema they were built into.
api = _Schema(
    query=checked(Query),
    mutation=checked(Mutation),
    subscription=checked(Subscription),
    extensions=[Errors, Documents],
    execution_context_class=Execution,
    config=StrawberryConfig(scalar_map=SCALARS, disable_field_suggestions=True),
)
prepare_inputs(api._schema)
