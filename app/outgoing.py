"""The channels that the settings name."""

from app.settings import Settings
from channels import Channel
from channels.gateway import Gateway, push, text_message
from channels.mail import Email
from channels.web import Client
from channels.webhook import Webhook


def outgoing(settings: Settings, *, public: Client, inside: Client) -> dict[str, Channel]:
    """Return the channels by the name that rules use.

    Gateways are named by the operator, and may well be inside; webhooks may not.
    """
    channels: dict[str, Channel] = {
        "email": Email(settings.smtp_url, settings.mail_from),
        "webhook": Webhook(public),
    }
    if settings.sms_url:
        token = settings.sms_token.get_secret_value()
        channels["sms"] = Gateway(settings.sms_url, token, inside, text_message)
    if settings.push_url:
        token = settings.push_token.get_secret_value()
        channels["push"] = Gateway(settings.push_url, token, inside, push)
    return channels
