"""E-mail over SMTP."""

import re
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP as SMTP_POLICY
from email.utils import format_datetime, parseaddr
from urllib.parse import unquote, urlsplit

import aiosmtplib

from channels import Message, NotSent, Unclear

TIMEOUT = 5.0  # seconds for the server's answer, and twice that for its word on a whole message
# Header lines must not be forged by what a name or a subject holds.
_CONTROL = re.compile(r"[\x00-\x1f\x7f\u2028\u2029]+")
# Everything as ASCII: not every server takes eight bits.
_POLICY = SMTP_POLICY.clone(cte_type="7bit")


class Email:
    """Sends by way of one SMTP server: smtp://user:password@host:port, or smtps://.

    With smtp:// the connection is encrypted (STARTTLS) if the server offers it, and with
    smtp+tls:// or a password there is no going on without. Certificates are checked; `trusted`
    replaces those that the system trusts.
    """

    def __init__(
        self,
        url: str,
        sender: str,
        *,
        trusted: ssl.SSLContext | None = None,
        timeout: float = TIMEOUT,
    ) -> None:
        parts = urlsplit(url)
        self._host = parts.hostname or "127.0.0.1"
        self._tls = parts.scheme == "smtps"
        self._port = parts.port or (465 if self._tls else 587 if parts.password else 25)
        self._start_tls: bool | None = None
        if self._tls:
            self._start_tls = False
        elif parts.scheme == "smtp+tls" or parts.password:
            self._start_tls = True
        self._trusted = trusted
        self.timeout = timeout
        self._user = unquote(parts.username) if parts.username else None
        self._password = unquote(parts.password) if parts.password else None
        self._name, self._address = parseaddr(sender)

    @asynccontextmanager
    async def open(self) -> AsyncIterator["_Connection"]:
        """Return an outlet that connects with the first message and keeps the connection."""
        connection = _Connection(self)
        try:
            yield connection
        finally:
            await connection.close()

    async def connect(self) -> aiosmtplib.SMTP:
        """Connect, encrypted as the settings ask for. Raises NotSent."""
        client = aiosmtplib.SMTP(
            hostname=self._host,
            port=self._port,
            use_tls=self._tls,
            start_tls=self._start_tls,
            tls_context=self._trusted,
            username=self._user,
            password=self._password,
            timeout=self.timeout,
        )
        try:
            await client.connect()
        except (aiosmtplib.SMTPException, OSError) as error:
            raise NotSent(
                f"cannot reach the mail server: {error}", retry=True, away=True
            ) from error
        return client

    def compose(self, message: Message) -> EmailMessage:
        """Return the message as it goes over the wire. Raises NotSent for an impossible address."""
        mail = EmailMessage(policy=_POLICY)
        mail["From"] = Address(self._name, addr_spec=self._address)
        try:
            address = Address(_clean(message.name), addr_spec=message.to)
            message.to.encode("ascii")
        except (ValueError, IndexError) as error:
            raise NotSent("the address is not a proper one", retry=False) from error
        mail["To"] = address
        mail["Subject"] = _clean(message.subject)
        mail["Date"] = format_datetime(message.at)
        mail["Message-ID"] = f"<{message.id}@{self._address.partition('@')[2] or 'localhost'}>"
        if message.unsubscribe:
            mail["List-Unsubscribe"] = f"<{_clean(message.unsubscribe)}>"
            mail["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
        mail.set_content(message.text)
        if message.html is not None:
            mail.add_alternative(message.html, subtype="html")
        return mail

    @property
    def address(self) -> str:
        """Return the sender's address without the name."""
        return self._address


class _Connection:
    def __init__(self, email: Email) -> None:
        self._email = email
        self._client: aiosmtplib.SMTP | None = None

    async def send(self, message: Message) -> None:
        """Deliver one message. Raises NotSent or Unclear."""
        content = self._email.compose(message).as_bytes()
        client = self._client or await self._email.connect()
        self._client = None  # until it is known to be in order
        await _envelope(client, self._email.address, message.to)
        try:
            await client.data(content, timeout=2 * self._email.timeout)
        except aiosmtplib.SMTPDataError as error:
            self._client = client
            raise _refused(error.code, error.message) from error
        except (aiosmtplib.SMTPException, OSError) as error:
            client.close()
            raise Unclear(f"the mail server stopped answering: {error}") from error
        self._client = client

    async def close(self) -> None:
        """Take leave of the server, if we ever met."""
        if self._client is not None:
            with suppress(aiosmtplib.SMTPException, OSError):
                await self._client.quit()
            self._client.close()


async def _envelope(client: aiosmtplib.SMTP, sender: str, to: str) -> None:
    """Say from whom to whom: whatever goes wrong here, nothing has left."""
    try:
        await client.mail(sender)
        await client.rcpt(to)
    except aiosmtplib.SMTPResponseException as error:
        client.close()
        raise _refused(error.code, error.message) from error
    except (aiosmtplib.SMTPException, OSError) as error:
        client.close()
        raise NotSent(f"the mail server hung up: {error}", retry=True, away=True) from error


def _refused(code: int, text: str) -> NotSent:
    reason = f"the mail server refused: {code} {text}"[:300]
    return NotSent(reason, retry=400 <= code < 500)


def _clean(text: str) -> str:
    return _CONTROL.sub(" ", text).strip()
