"""A GraphQL client for commands: what an integrator's or a marketer's program would do."""

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from io import SEEK_END
from typing import Any, BinaryIO
from urllib.parse import urlsplit

from models.errors import DomainError, Invalid, Unavailable

_SIGN_IN = """
mutation ($input: SignInInput!) {
  signIn(input: $input) { session { accessToken } userErrors { code field message } }
}
"""


PATIENCE = 10  # seconds for an API that is away


class Refused(DomainError):
    """The API's reasons for not doing something, all of them."""

    def __init__(self, reasons: Sequence[DomainError]) -> None:
        more = f" (and {len(reasons) - 1} more)" if len(reasons) > 1 else ""
        super().__init__(reasons[0].message + more, code=reasons[0].code)
        self._parts = tuple(reasons)

    @property
    def parts(self) -> tuple[DomainError, ...]:
        return self._parts


class Client:
    """Asks as one person, who has a token or signs in. Waits for an API that is away for a moment.

    Who signs in does so again when the token has had its time.
    """

    def __init__(
        self,
        url: str,
        *,
        email: str = "",
        password: str = "",
        token: str | None = None,
        patience: float = 60,
        timeout: float = 30,
    ) -> None:
        address = urlsplit(url)
        if address.scheme not in ("http", "https") or not address.hostname:
            raise Invalid(f"{url!r} is no address of an API, such as https://fanfare.example.test")
        connection = HTTPSConnection if address.scheme == "https" else HTTPConnection
        self._connection = connection(address.hostname, address.port, timeout=timeout)
        self._base = address.path.rstrip("/").removesuffix("/graphql")
        self._who = {"email": email, "password": password}
        self._patience = patience
        self._token = token

    def ask(self, query: str, **variables: Any) -> dict[str, Any]:
        """Return the data of a query. Raises DomainError with what the API has against it."""
        if self._token is None:
            self._sign_in()
        answer = self._post(query, variables)
        if _code(answer) == "UNAUTHENTICATED" and self._who["email"]:
            self._sign_in()
            answer = self._post(query, variables)
        return _data(answer)

    def do(self, mutation: str, input: dict[str, Any], returning: str) -> Any:
        """Carry out `mutation` and return what it says. Raises DomainError if it is refused."""
        kind = mutation[0].upper() + mutation[1:]
        query = (
            f"mutation ($input: {kind}Input!) {{ {mutation}(input: $input) "
            f"{{ {returning} userErrors {{ code field message }} }} }}"
        )
        return accepted(self.ask(query, input=input)[mutation])

    def open(
        self, method: str, path: str, *, file: BinaryIO | None = None, kind: str = ""
    ) -> HTTPResponse:
        """Ask an address beside GraphQL, sending a file; return the answer, unread.

        Tries again while nobody is there. Raises DomainError with what the API has against it.
        """
        deadline = time.monotonic() + self._patience
        while True:
            if self._token is None:
                self._sign_in()
            headers = {"authorization": f"Bearer {self._token}"}
            if file is not None:
                size = file.seek(0, SEEK_END)
                file.seek(0)
                headers |= {"content-type": kind, "content-length": str(size)}
            try:
                self._connection.request(method, self._base + path, file, headers)
                response: HTTPResponse = self._connection.getresponse()
            except (OSError, HTTPException) as failure:
                self._connection.close()
                if time.monotonic() > deadline:
                    raise Unavailable(f"The API does not answer: {failure}") from None
            else:
                if response.status < 400:
                    return response
                self._refused(response.status, response.read(), late=time.monotonic() > deadline)
            time.sleep(0.5)

    def _refused(self, status: int, content: bytes, *, late: bool) -> None:
        """Raise what the API says, unless trying again can help."""
        answer = _answer(status, content)
        if status == 401 and self._who["email"]:
            self._token = None  # it has had its time
        elif late or status not in {429, 503}:
            _data(answer)

    def close(self) -> None:
        """Let go of the connection."""
        self._connection.close()

    def _sign_in(self) -> None:
        self._token = None
        data = _data(self._post(_SIGN_IN, {"input": self._who}))
        self._token = accepted(data["signIn"])["session"]["accessToken"]

    def _post(self, query: str, variables: dict[str, Any]) -> dict[str, Any]:
        """Send it, again and again while nobody answers: everything sent here is safe to repeat."""
        deadline = time.monotonic() + self._patience
        while True:
            try:
                status, content = self._send(query, variables)
            except (OSError, HTTPException) as failure:
                self._connection.close()
                status, content = 503, str(failure).encode()
            if status not in {429, 503}:
                return _answer(status, content)
            if time.monotonic() > deadline:
                raise Unavailable(f"The API does not answer: {content.decode(errors='replace')}")
            time.sleep(0.5)

    def _send(self, query: str, variables: dict[str, Any]) -> tuple[int, bytes]:
        headers = {"content-type": "application/json"}
        if self._token:
            headers["authorization"] = f"Bearer {self._token}"
        body = json.dumps({"query": query, "variables": variables})
        self._connection.request("POST", f"{self._base}/graphql", body.encode(), headers)
        response: HTTPResponse = self._connection.getresponse()
        return response.status, response.read()


def _answer(status: int, content: bytes) -> dict[str, Any]:
    try:
        answer = json.loads(content)
    except ValueError:
        answer = None
    if not isinstance(answer, dict) or not ("data" in answer or answer.get("errors")):
        raise Unavailable(f"What answers there is not the API: it says {status}.")
    return answer


def _code(answer: dict[str, Any]) -> str | None:
    errors = answer.get("errors")
    return errors[0].get("extensions", {}).get("code") if errors else None


def _data(answer: dict[str, Any]) -> dict[str, Any]:
    if errors := answer.get("errors"):
        raise DomainError(errors[0]["message"], code=_code(answer) or "INTERNAL")
    data: dict[str, Any] = answer["data"]
    return data


@contextmanager
def connected(url: str, who: Mapping[str, str | None]) -> Iterator[Client]:
    """Know the API at `url` with a token, or as somebody with an email and a password."""
    token, email, password = (who.get(name) for name in ("token", "email", "password"))
    if not token and not (email and password):
        raise Invalid(
            "The API must know who you are: set FANFARE_TOKEN, or FANFARE_EMAIL and "
            "FANFARE_PASSWORD."
        )
    client = Client(
        url,
        email=email or "",
        password=password or "",
        token=token,
        patience=PATIENCE,
        timeout=300,
    )
    try:
        yield client
    finally:
        client.close()


def accepted(payload: dict[str, Any]) -> dict[str, Any]:
    """Return a payload without userErrors; raise Refused with them."""
    if problems := payload["userErrors"]:
        raise Refused([_refusal(problem) for problem in problems])
    return payload


def _refusal(problem: dict[str, Any]) -> DomainError:
    field = ".".join(problem["field"] or ())
    where = f"{field}: " if field else ""
    return DomainError(f"{where}{problem['message']}", code=problem["code"])
