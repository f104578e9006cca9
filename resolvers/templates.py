"""Templates. Each field is one call to a service."""

from typing import Annotated

import strawberry

from models.campaign import Channel
from models.principal import Role
from models.template import Template as StoredTemplate
from resolvers.access import roles, staff
from resolvers.naming import ExternalId, somebody
from schema.context import Info
from schema.event import SentMessage
from schema.scalars import JSON
from schema.template import (
    SaveTemplateInput,
    SaveTemplatePayload,
    SendTestMessageInput,
    SendTestMessagePayload,
    Template,
    TemplateDraftInput,
    TemplatePreview,
)
from services import previews, templates


@strawberry.type
class TemplateQueries:
    @strawberry.field(description="All templates, by channel and name.", extensions=staff())
    async def templates(self, info: Info) -> list[Template]:
        return [Template.of(template) for template in await info.context.stores.templates.all()]

    @strawberry.field(
        description="The versions of a template, the newest first, at most 100. NOT_FOUND if there "
        "is no such template.",
        extensions=staff(),
    )
    async def template_versions(
        self,
        info: Info,
        name: Annotated[str, strawberry.argument(description="The template's name.")],
        channel: Annotated[
            Channel, strawberry.argument(description="Its channel.")
        ] = Channel.EMAIL,
    ) -> list[Template]:
        found = await previews.versions(channel.value, name, stores=info.context.stores)
        return [Template.of(template) for template in found]

    @strawberry.field(
        description="What a template, or a draft of it, says to a person. Nothing is sent.",
        extensions=staff(),
    )
    async def template_preview(
        self,
        info: Info,
        name: Annotated[str, strawberry.argument(description="The template's name.")],
        user_id: Annotated[
            strawberry.ID | None,
            strawberry.argument(
                description="Whom it is for. This or `externalId` has to be given."
            ),
        ] = None,
        external_id: ExternalId = None,
        channel: Annotated[
            Channel, strawberry.argument(description="Its channel.")
        ] = Channel.EMAIL,
        data: Annotated[
            JSON | None,
            strawberry.argument(description="What a `send` gives it, as templates see it."),
        ] = None,
        draft: Annotated[
            TemplateDraftInput | None,
            strawberry.argument(description="Instead of what is saved under this name."),
        ] = None,
    ) -> TemplatePreview:
        stores = info.context.stores
        if draft is None:
            template = await previews.get(channel.value, name, stores=stores)
        else:
            template = StoredTemplate(
                channel=channel.value,
                name=name,
                subject=draft.subject,
                text=draft.text,
                html=draft.html,
            )
        said = await previews.preview(
            template,
            user_id=await somebody(info.context, user_id, external_id),
            data=previews.given(data),
            stores=stores,
            rulebook=info.context.rulebook,
        )
        return TemplatePreview(subject=said.subject, text=said.text, html=said.html)


@strawberry.type
class TemplateMutations:
    @strawberry.mutation(
        description="Save a template. Messages not yet sent will say what it says then.",
        extensions=roles(Role.ADMIN, Role.MARKETER),
    )
    async def save_template(
        self,
        info: Info,
        input: Annotated[SaveTemplateInput, strawberry.argument(description="What it says.")],
    ) -> SaveTemplatePayload:
        context = info.context
        template = input.template()
        templates.check_against(template, (await context.rulebook.current()).program)
        saved = await templates.save(
            template,
            stores=context.stores,
            now=context.clock.now(),
            by=context.caller.user_id,
            was=input.version,
        )
        return SaveTemplatePayload(template=Template.of(saved))

    @strawberry.mutation(
        description="Send a template to the caller's own address, whatever they have agreed to.",
        extensions=roles(Role.ADMIN, Role.MARKETER),
    )
    async def send_test_message(
        self,
        info: Info,
        input: Annotated[SendTestMessageInput, strawberry.argument(description="What to try.")],
    ) -> SendTestMessagePayload:
        context = info.context
        effect = await previews.send_test(
            input.channel.value,
            input.name,
            data=previews.given(input.data),
            caller=context.caller,
            stores=context.stores,
            rulebook=context.rulebook,
            jobs=context.jobs,
            clock=context.clock,
        )
        return SendTestMessagePayload(message=SentMessage.of(effect))
