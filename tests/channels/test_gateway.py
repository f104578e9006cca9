"""Text messages and push notifications, as a gateway gets them."""

import json
from datetime import UTC, datetime

import pytest

from channels import Message, NotSent
from channels.gateway import Gateway, push, text_message
from channels.web import Client

MESSAGE = Message(
    id="m1",
    to="+43660123456",
    name="Ann",
    subject="Hello",
    text="Grüße",
    html=None,
    at=datetime(2026, 3, 2, 12, tzinfo=UTC),
    devices=("d1", "d2"),
)


@pytest.fixture
async def client():
    client = Client(private=True)
    yield client
    await client.close()


async def test_a_text_message_goes_to_the_gateway_with_its_token(client, web):
    async with Gateway(f"{web.url}/sms", "secret", client, text_message).open() as outlet:
        await outlet.send(MESSAGE)

    (received,) = web.received
    assert json.loads(received.body) == {"id": "m1", "to": "+43660123456", "text": "Grüße"}
    assert received.headers["authorization"] == "Bearer secret"
    assert received.headers["idempotency-key"] == "m1"


async def test_a_push_goes_to_all_devices_with_its_title(client, web):
    async with Gateway(web.url, "", client, push).open() as outlet:
        await outlet.send(MESSAGE)

    (received,) = web.received
    assert json.loads(received.body) == {
        "id": "m1",
        "devices": ["d1", "d2"],
        "title": "Hello",
        "body": "Grüße",
    }
    assert "authorization" not in received.headers


async def test_a_gateway_that_refuses_says_whether_to_try_again(client, web):
    for status, retry in ((400, False), (503, True)):
        web.status = status
        with pytest.raises(NotSent) as refused:
            async with Gateway(web.url, "", client, text_message).open() as outlet:
                await outlet.send(MESSAGE)
        assert refused.value.retry is retry
