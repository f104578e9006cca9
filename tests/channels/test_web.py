"""Requests to servers that are well, and to servers that are not."""

import pytest

from channels import NotSent, Unclear
from channels.addresses import Forbidden
from channels.web import LARGEST, Answer, Client, judge
from devserver.process import free_port
from devserver.web import Manner


@pytest.fixture
async def client():
    client = Client(private=True, total=60)
    yield client
    await client.close()


async def test_a_request_arrives_as_it_was_sent(client, web):
    answer = await client.post(f"{web.url}/in?x=1", b"hello", {"x-test": "yes"})

    (received,) = web.received
    assert (received.path, received.body) == ("/in?x=1", b"hello")
    assert received.headers["x-test"] == "yes"
    assert received.headers["host"] == web.url.removeprefix("http://")
    assert answer.status == 200


async def test_a_private_address_is_not_called_unless_allowed(web):
    client = Client()
    port = web.url.rpartition(":")[2]
    with pytest.raises(Forbidden, match="not public"):
        await client.post(f"https://localhost:{port}/", b"", {})
    await client.close()

    assert not web.received


async def test_a_name_is_checked_again_when_it_is_connected_to(web):
    """What was public when it was registered may lead elsewhere by now."""
    client = Client()
    port = web.url.rpartition(":")[2]
    with pytest.raises(Forbidden):
        await client._pool.request("POST", f"http://127.0.0.1:{port}/")
    await client.close()

    assert not web.received


async def test_a_redirect_is_not_followed(client, web):
    web.status = 302
    web.headers["location"] = f"{web.url}/elsewhere"

    answer = await client.post(web.url, b"", {})

    assert answer.status == 302
    assert len(web.received) == 1


@pytest.mark.parametrize("manner", [Manner.SILENT, Manner.SLOW])
async def test_a_server_that_does_not_answer_leaves_it_unclear_when_the_time_is_up(web, manner):
    web.manner = manner
    client = Client(private=True, total=0.5)

    with pytest.raises(Unclear, match=r"did not answer within 0\.5 seconds"):
        await client.post(web.url, b"", {})

    await client.close()


async def test_a_server_that_hangs_up_leaves_it_unclear(client, web):
    web.manner = Manner.HANGS_UP

    with pytest.raises(Unclear, match="stopped answering"):
        await client.post(web.url, b"", {})


async def test_an_answer_without_end_is_cut_off(client, web):
    web.manner = Manner.ENDLESS

    answer = await client.post(web.url, b"", {})

    assert len(answer.body) == LARGEST


async def test_nobody_there_means_not_sent(client):
    with pytest.raises(NotSent) as refused:
        await client.post(f"http://127.0.0.1:{free_port()}/", b"", {})

    assert (refused.value.retry, refused.value.away) == (True, True)


@pytest.mark.parametrize(
    ("status", "retry", "away"),
    [
        (301, False, False),
        (400, False, False),
        (404, False, False),
        (408, True, False),
        (429, True, True),
        (500, True, False),
        (503, True, True),
    ],
)
def test_what_an_answer_means(status, retry, away):
    with pytest.raises(NotSent) as refused:
        judge(Answer(status, b"", 7.0))

    assert (refused.value.retry, refused.value.away) == (retry, away)
    assert refused.value.ill is (status >= 500)


@pytest.mark.parametrize("status", [502, 504])
def test_a_gateway_that_lost_sight_of_the_server_leaves_it_unclear(status):
    with pytest.raises(Unclear):
        judge(Answer(status, b""))


def test_a_server_may_say_how_long_to_wait():
    with pytest.raises(NotSent) as refused:
        judge(Answer(503, b"", 7.0))

    assert refused.value.after == 7.0
