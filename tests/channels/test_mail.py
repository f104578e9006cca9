"""E-mail against a real server, and against servers that misbehave."""

import asyncio
import ssl
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from channels import Message, NotSent, Unclear
from channels.mail import Email
from devserver.process import free_port
from devserver.smtp import CERTIFICATE, running

MESSAGE = Message(
    id="abc",
    to="ann@example.test",
    name="Änn",
    subject="Hello",
    text="Grüße",
    html="<p>Grüße</p>",
    at=datetime(2026, 3, 2, 12, tzinfo=UTC),
)


async def send(url: str, *messages: Message) -> None:
    async with Email(url, "Shop <shop@example.test>").open() as outlet:
        for message in messages:
            await outlet.send(message)


async def test_a_message_arrives_as_text_and_html(smtp):
    await send(smtp.url, MESSAGE)

    (mail,) = smtp.messages
    assert mail["From"] == "Shop <shop@example.test>"
    assert mail["To"] == "Änn <ann@example.test>"
    assert mail["Message-ID"] == "<abc@example.test>"
    assert mail["List-Unsubscribe"] is None
    assert mail.get_body(("plain",)).get_content().strip() == "Grüße"
    assert mail.get_body(("html",)).get_content().strip() == "<p>Grüße</p>"


async def test_several_messages_share_a_connection(smtp):
    await send(smtp.url, MESSAGE, replace(MESSAGE, id="b"), replace(MESSAGE, id="c"))

    assert [mail["Message-ID"][1] for mail in smtp.messages] == ["a", "b", "c"]


async def test_headers_cannot_be_forged(smtp):
    evil = "x\r\nBcc: all@example.test\u2028\n"
    await send(smtp.url, replace(MESSAGE, subject=evil, name=evil))

    (mail,) = smtp.messages
    assert mail["Bcc"] is None
    assert mail["Subject"] == "x Bcc: all@example.test"


async def test_one_click_unsubscribe_is_offered_where_there_is_an_address_for_it(smtp):
    await send(smtp.url, replace(MESSAGE, unsubscribe="https://shop.test/u/1"))

    (mail,) = smtp.messages
    assert mail["List-Unsubscribe"] == "<https://shop.test/u/1>"
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"


@pytest.mark.parametrize("to", ["", "nobody", "a b@example.test", "ä@example.test", "a@b\r\nX: y"])
async def test_an_impossible_address_is_refused_for_good(smtp, to):
    with pytest.raises(NotSent) as refused:
        await send(smtp.url, replace(MESSAGE, to=to))

    assert not refused.value.retry
    assert not smtp.messages


async def test_after_a_refusal_the_next_message_goes_through(smtp):
    async with Email(smtp.url, "shop@example.test").open() as outlet:
        smtp.refusal = "554 no"
        with pytest.raises(NotSent):
            await outlet.send(MESSAGE)
        smtp.refusal = None
        await outlet.send(MESSAGE)

    assert len(smtp.messages) == 1


async def test_a_server_that_is_away_is_not_the_messages_fault():
    with pytest.raises(NotSent) as refused:
        await send(f"smtp://127.0.0.1:{free_port()}", MESSAGE)

    assert (refused.value.retry, refused.value.away) == (True, True)


@pytest.mark.parametrize(
    ("hang_up_after", "expected"), [("HELO", NotSent), ("RCPT", NotSent), ("DATA", Unclear)]
)
async def test_whether_it_left_is_unclear_only_once_the_content_was_under_way(
    hang_up_after, expected
):
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 hello\r\n")
        while line := await reader.readline():
            verb = line[:4].decode().upper().replace("EHLO", "HELO")
            if verb == hang_up_after == "DATA":
                writer.write(b"354 go on\r\n")
                await reader.readuntil(b"\r\n.\r\n")
            if verb == hang_up_after:
                break
            writer.write(b"250 ok\r\n")
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(expected):
            await send(f"smtp://127.0.0.1:{port}", MESSAGE)


@pytest.fixture
def encrypted():
    with running(encrypted=True) as sink:
        yield sink


def trusting() -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(CERTIFICATE))


@pytest.mark.parametrize("scheme", ["smtp", "smtp+tls"])
async def test_a_server_that_asks_for_encryption_gets_it(encrypted, scheme):
    url = encrypted.url.replace("smtp://127.0.0.1", f"{scheme}://localhost")
    async with Email(url, "shop@example.test", trusted=trusting()).open() as outlet:
        await outlet.send(MESSAGE)

    assert len(encrypted.messages) == 1


async def test_a_certificate_that_nobody_trusts_is_refused(encrypted):
    with pytest.raises(NotSent, match="cannot reach"):
        await send(encrypted.url, MESSAGE)

    assert not encrypted.messages


@pytest.mark.parametrize("url", ["smtp+tls://127.0.0.1", "smtp://me:secret@127.0.0.1"])
async def test_no_password_and_nothing_secret_goes_unencrypted(smtp, url):
    port = smtp.url.rpartition(":")[2]
    with pytest.raises(NotSent, match="cannot reach"):
        await send(f"{url}:{port}", MESSAGE)

    assert not smtp.messages
