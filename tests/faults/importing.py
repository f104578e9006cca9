"""Files of each kind to import, with a row that cannot be taken now and then."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

import httpx2

RULES = """
event rated { stars: number }
segment buyers { count(order_placed, ever) >= 1 }
segment raters { sum(rated.stars, last 30 days) >= 1 }
loyalty club { earn 1 point per 1 USD of order_placed.total }
"""
EVERY = 37  # of so many rows one is wrong
AT = "2026-11-20T10:00:00Z"


@dataclass(frozen=True)
class File:
    """A file that is sent under a key of its own. `wrong` are the numbers of its wrong rows."""

    kind: str
    text: str
    wrong: frozenset[int]
    rows: int

    @property
    def key(self) -> str:
        return f"all-{self.kind}"

    @property
    def url(self) -> str:
        return f"/v1/imports/{self.kind}"


def is_wrong(number: int) -> bool:
    return number % EVERY == 5


def files(count: int) -> dict[str, File]:
    """Return a file of each kind, each about so many things. The head is row 1."""
    whose = [n for n in range(count) if not is_wrong(n)]
    users = [f"{n},{'nonsense' if is_wrong(n) else f'u{n}@x.test'}" for n in range(count)]
    products = [f"S{n},{'much' if is_wrong(n) else n + 1}" for n in range(count)]
    events = [
        f"e{n},{'hated' if is_wrong(n) else 'rated'},{whose[n % len(whose)]},{AT},3"
        for n in range(count)
    ]
    orders = [
        f"o{n},{whose[n % len(whose)]},{AT},12.00,S{part},{'lots' if is_wrong(n) else 2},6.00"
        for n in range(count)
        for part in range(2)
    ]
    wrong = frozenset(n + 2 for n in range(count) if is_wrong(n))
    both = frozenset(2 * n + 2 + part for n in range(count) if is_wrong(n) for part in range(2))
    return {
        file.kind: file
        for file in (
            File("users", _csv("externalId,email", users), wrong, count),
            File("products", _csv("sku,price", products), wrong, count),
            File("events", _csv("id,name,user,occurredAt,data.stars", events), wrong, count),
            File(
                "orders",
                _csv("orderId,user,placedAt,total,item.sku,item.quantity,item.amount", orders),
                both,
                2 * count,
            ),
        )
    }


def _csv(head: str, rows: list[str]) -> str:
    return "\n".join((head, *rows, ""))


async def send(
    file: File, url: str, token: str, http: httpx2.AsyncClient, halfway: Callable[[], None] | None
) -> bool:
    """Send a file; return whether it was taken. What is to happen halfway happens there."""

    async def body() -> AsyncIterator[bytes]:
        half = len(file.text) // 2
        yield file.text[:half].encode()
        if halfway is not None:
            halfway()
        yield file.text[half:].encode()

    headers = {"authorization": f"Bearer {token}", "content-type": "text/csv"}
    asked = {"key": file.key, "points": "true"}
    try:
        answer = await http.post(url + file.url, params=asked, headers=headers, content=body())
    except httpx2.TransportError:
        return False
    assert answer.status_code in (202, 503), answer.text
    return answer.status_code == 202
