"""HTTP to servers that are not ours: bounded in time and size, and led nowhere it should not go.

One request to one address: the name is resolved once and every address of it checked, redirects
are not followed, proxies not asked.
"""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import httpcore2

from channels import NotSent, Unclear
from channels.addresses import check_url, resolve

CONNECT = 3.0  # seconds, for the name, the connection and its encryption
TOTAL = 10.0
LARGEST = 64 * 1024  # bytes of an answer that are read
_TRIED = 3  # addresses of one name
_NOWHERE = (httpcore2.ConnectError, httpcore2.ConnectTimeout, httpcore2.PoolTimeout)


@dataclass(frozen=True, slots=True)
class Answer:
    """`body` is cut off at LARGEST. `after` is for how many seconds we are asked to wait."""

    status: int
    body: bytes
    after: float | None = None


class Client:
    """Keeps connections open between requests. With `private`, any address may be called.

    `total` is how many seconds a request may take altogether.
    """

    def __init__(self, *, private: bool = False, total: float = TOTAL) -> None:
        self.private = private
        self._total = total
        self._pool = httpcore2.AsyncConnectionPool(
            max_connections=None,  # how many at once is decided for each host, elsewhere
            max_keepalive_connections=64,
            keepalive_expiry=20,
            retries=0,
            network_backend=_Guarded(private),
        )

    async def close(self) -> None:
        """Close all connections."""
        await self._pool.aclose()

    async def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        """Send one request and return its answer, whatever it says.

        Raises NotSent if nothing can have arrived, Unclear if it may have.
        """
        check_url(url, private=self.private)
        try:
            async with asyncio.timeout(self._total):
                return await self._post(url, body, headers)
        except NotSent:
            raise
        except _NOWHERE as error:
            raise NotSent(f"cannot reach it: {_named(error)}", retry=True, away=True) from error
        except TimeoutError as error:
            raise Unclear(f"it did not answer within {self._total:g} seconds") from error
        except (httpcore2.NetworkError, httpcore2.ProtocolError, OSError) as error:
            raise Unclear(f"it stopped answering: {_named(error)}") from error
        except httpcore2.TimeoutException as error:
            raise Unclear(f"it did not answer in time: {_named(error)}") from error

    async def _post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        async with self._pool.stream(
            "POST",
            url,
            headers=[(name, value) for name, value in headers.items()],
            content=body,
            extensions={
                "timeout": {"connect": CONNECT, "read": TOTAL, "write": TOTAL, "pool": CONNECT}
            },
        ) as response:
            read = b""
            # Leaving early closes the connection: what else it has to say is not read.
            async for chunk in response.aiter_stream():
                read += chunk
                if len(read) >= LARGEST:
                    break
            return Answer(response.status, read[:LARGEST], _after(response.headers))


class _Guarded(httpcore2.AsyncNetworkBackend):
    """Connects to addresses that were checked, instead of to names that may lead elsewhere."""

    def __init__(self, private: bool) -> None:
        self._private = private
        self._inner = httpcore2.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - the interface has it
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        """Resolve once and connect to the first address that answers."""
        try:
            async with asyncio.timeout(timeout):
                return await self._connect(host, port, local_address, socket_options)
        except TimeoutError as error:
            raise httpcore2.ConnectTimeout("no answer in time") from error

    async def _connect(
        self,
        host: str,
        port: int,
        local_address: str | None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None,
    ) -> httpcore2.AsyncNetworkStream:
        failed: Exception = httpcore2.ConnectError("it has no address")
        for address in (await resolve(host, port, private=self._private))[:_TRIED]:
            try:
                return await self._inner.connect_tcp(
                    address, port, None, local_address, socket_options
                )
            except httpcore2.ConnectError as error:
                failed = error
        raise failed


def judge(answer: Answer) -> None:
    """Return if the answer means that the message was taken. Raises NotSent or Unclear."""
    status = answer.status
    if 200 <= status < 300:
        return
    reason = f"it answered {status}"
    if 300 <= status < 400:
        raise NotSent(f"{reason}: redirects are not followed", retry=False)
    if status in (502, 504):
        # Whoever answers for it has lost sight of it, and of what it did.
        raise Unclear(reason)
    busy = status in (429, 503)
    retry = status >= 500 or status in (408, 425, 429)
    raise NotSent(reason, retry=retry, away=busy, ill=status >= 500, after=answer.after)


def _after(headers: Iterable[tuple[bytes, bytes]]) -> float | None:
    for name, value in headers:
        if name.lower() == b"retry-after" and value.isdigit():
            return float(value[:6])
    return None


def _named(error: Exception) -> str:
    return str(error)[:200] or type(error).__name__
