"""The channels that the settings name."""

from app.settings import Settings
from channels import Channel
from channels.mail import Email
from channels.web import Client
from channels.webhook import Webhook


def outgoing(settings: Settings, client: Client) -> dict[str, Channel]:
    """Return the channels by the name that rules use."""
    return {
        "email": Email(settings.smtp_url, settings.mail_from),
        "webhook": Webhook(client),
    }
