"""Where a name leads, and whether we may be led there: only to the public internet."""

import asyncio
import socket
from concurrent.futures import ThreadPoolExecutor
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from urllib.parse import urlsplit

from channels import NotSent

# Names that take long to resolve must not keep others waiting: they have threads of their own.
_RESOLVERS = ThreadPoolExecutor(max_workers=32, thread_name_prefix="resolver")
_NAT64 = IPv6Network("64:ff9b::/96")


class Forbidden(NotSent):
    """The URL leads, or may lead, to where nothing of ours should go."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason, retry=False)


def check_url(url: str, *, private: bool) -> tuple[str, int]:
    """Return the host and port of a URL that may be called. Raises Forbidden for any other.

    With `private` it may be http, and lead anywhere: for development and tests.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port = None, None
    if not host or not url.isascii() or any(character <= " " for character in url):
        raise Forbidden("this is not a URL, as https://shop.example/hook is")
    if parts.scheme != "https" and not (private and parts.scheme == "http"):
        raise Forbidden("the URL has to begin with https://")
    if parts.username is not None or parts.password is not None:
        raise Forbidden("a URL must not hold a user name or password")
    return host, port or (443 if parts.scheme == "https" else 80)


async def resolve(host: str, port: int, *, private: bool) -> list[str]:
    """Return the addresses of a host, asking once. Raises Forbidden if any of them is not public.

    Raises NotSent if the name leads nowhere for now.
    """
    loop = asyncio.get_running_loop()
    try:
        found = await loop.run_in_executor(
            _RESOLVERS, lambda: socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        )
    except (OSError, UnicodeError) as error:
        raise NotSent(f"the host {host} is not known", retry=True, away=True) from error
    addresses = list(dict.fromkeys(str(info[4][0]) for info in found))
    if not private and not all(is_public(address) for address in addresses):
        raise Forbidden(f"the host {host} leads to an address that is not public")
    return addresses


def is_public(address: str) -> bool:
    """Whether an address is one of the public internet, however it is wrapped."""
    inner = _unwrapped(ip_address(address.partition("%")[0]))
    return inner.is_global and not inner.is_multicast


def _unwrapped(address: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    """Return the IPv4 address that an IPv6 address stands for, if it stands for one."""
    if isinstance(address, IPv4Address):
        return address
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFF_FFFF)
    teredo = address.teredo[1] if address.teredo else None
    return address.ipv4_mapped or address.sixtofour or teredo or address
