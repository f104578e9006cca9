"""Calls of webhooks, as their receivers check them."""

import base64
import hashlib
import hmac
from datetime import UTC, datetime

from channels import Message
from channels.web import Client
from channels.webhook import Webhook, new_secret, signed

AT = datetime.fromtimestamp(1_731_705_121, UTC)


def test_the_signature_is_that_of_the_standard():
    """The example of the specification."""
    body = b'{"event_type":"ping","data":{"success":true}}'

    headers = signed("msg_loFOjxBNrRLzqYUf", AT, body, ["whsec_plJ3nmyCDGBKInavdOK15jsl"])

    assert headers == {
        "webhook-id": "msg_loFOjxBNrRLzqYUf",
        "webhook-timestamp": "1731705121",
        "webhook-signature": "v1,rAvfW3dJ/X/qxhsaXPOyyCGmRKsaKWcsNccKXlIktD0=",
    }


async def test_a_receiver_with_either_secret_can_check_a_call(web):
    client, keys = Client(private=True), (new_secret(), new_secret())
    message = Message(
        id="m1", to=web.url, name="", subject="", text='{"é":1}', html=None, at=AT, keys=keys
    )
    async with Webhook(client).open() as outlet:
        await outlet.send(message)
    await client.close()

    (received,) = web.received
    signatures = received.headers["webhook-signature"].split()
    content = b"m1.1731705121." + received.body
    for key, signature in zip(keys, signatures, strict=True):
        raw = base64.b64decode(key.removeprefix("whsec_"))
        expected = base64.b64encode(hmac.new(raw, content, hashlib.sha256).digest()).decode()
        assert signature == f"v1,{expected}"
    assert received.headers["content-type"] == "application/json"
