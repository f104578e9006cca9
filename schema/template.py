"""Templates in the API."""

from datetime import datetime
from typing import Self

import strawberry

from models import template as models
from models.campaign import Channel
from schema.event import SentMessage
from schema.ids import to_global
from schema.node import Node
from schema.payloads import Payload
from schema.scalars import JSON


@strawberry.type(description="A version of what a message says, in Liquid. Rules get the newest.")
class Template(Node):
    channel: Channel = strawberry.field(description="How its messages leave.")
    name: str = strawberry.field(description="The name that rules send it by.")
    subject: str = strawberry.field(
        description="The subject line or title; the name of the webhook."
    )
    text: str = strawberry.field(description="The plain text.")
    html: str | None = strawberry.field(description="The same in HTML.")
    topic: str | None = strawberry.field(
        description="What people can refuse without refusing the channel."
    )
    version: int = strawberry.field(description="Counts edits.")
    updated_at: datetime | None = strawberry.field(description="When it was last saved.")

    @classmethod
    def of(cls, template: models.Template) -> Self:
        """Show a template."""
        return cls(
            id=strawberry.ID(to_global("Template", template.id)),
            channel=Channel(template.channel),
            name=template.name,
            subject=template.subject,
            text=template.text,
            html=template.html,
            topic=template.topic or None,
            version=template.version,
            updated_at=template.updated_at,
        )


@strawberry.input(description="A template to save, over what its channel and name had.")
class SaveTemplateInput:
    name: str = strawberry.field(description="The name that rules send it by.")
    text: str = strawberry.field(description="The plain text, in Liquid; for a webhook, the body.")
    subject: str = strawberry.field(
        default="",
        description="The subject line of an e-mail or the title of a push notification, in "
        "Liquid; the name of the webhook.",
    )
    html: str | None = strawberry.field(default=None, description="The same in HTML, in Liquid.")
    channel: Channel = strawberry.field(default=Channel.EMAIL, description="How it leaves.")
    topic: str | None = strawberry.field(
        default=None, description="What people can refuse without refusing the channel."
    )
    version: int | None = strawberry.field(
        default=None,
        description="Refuse if the newest is no longer this version; 0 for a template that is new. "
        "Releases do not look at it, but at `publication`.",
    )

    def template(self) -> models.Template:
        """Return it as the services take it."""
        return models.Template(
            channel=self.channel.value,
            name=self.name,
            subject=self.subject,
            text=self.text,
            html=self.html,
            topic=self.topic or "",
        )


@strawberry.type(description="The template as it is now. Refusals: CONFLICT, INVALID.")
class SaveTemplatePayload(Payload):
    template: Template | None = strawberry.field(default=None, description="As saved.")


@strawberry.input(description="A text to try out before it is saved.")
class TemplateDraftInput:
    text: str = strawberry.field(description="The plain text, in Liquid.")
    subject: str = strawberry.field(default="", description="The subject line or title.")
    html: str | None = strawberry.field(default=None, description="The same in HTML.")


@strawberry.type(description="What a template says to one person.")
class TemplatePreview:
    subject: str = strawberry.field(description="The subject line or title.")
    text: str = strawberry.field(description="The plain text.")
    html: str | None = strawberry.field(description="The same in HTML.")


@strawberry.input(description="Which template to try out.")
class SendTestMessageInput:
    name: str = strawberry.field(description="The template's name.")
    channel: Channel = strawberry.field(default=Channel.EMAIL, description="EMAIL, SMS or PUSH.")
    data: JSON | None = strawberry.field(
        default=None, description="What a `send` would give it, as templates see it."
    )


@strawberry.type(
    description="The message, on its way. Refusals: NOT_FOUND, INVALID; at most 20 in an hour."
)
class SendTestMessagePayload(Payload):
    message: SentMessage | None = strawberry.field(default=None, description="The message.")
