"""A GraphQL client for the demo: what an integrator's or a marketer's program would do."""

import json
import time
from http.client import HTTPConnection, HTTPException, HTTPResponse
from typing import Any
from urllib.parse import urlsplit

from models.errors import DomainError, Unavailable

_SIGN_IN = """
mutation ($input: SignInInput!) {
  signIn(input: $input) { session { accessToken } userErrors { code field message } }
}
"""


class Client:
    """Asks as one person. Waits for an API that is away for a moment, and signs in again."""

    def __init__(self, url: str, *, email: str, password: str, patience: float = 60) -> None:
        address = urlsplit(url)
        self._connection = HTTPConnection(address.hostname or "", address.port, timeout=30)
        self._who = {"email": email, "password": password}
        self._patience = patience
        self._token: str | None = None

    def ask(self, query: str, **variables: Any) -> dict[str, Any]:
        """Return the data of a query. Raises DomainError with what the API has against it."""
        if self._token is None:
            self._sign_in()
        answer = self._post(query, variables)
        if _code(answer) == "UNAUTHENTICATED":
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
                answer: dict[str, Any] = json.loads(content)
                return answer
            if time.monotonic() > deadline:
                raise Unavailable(f"The API does not answer: {content.decode(errors='replace')}")
            time.sleep(0.5)

    def _send(self, query: str, variables: dict[str, Any]) -> tuple[int, bytes]:
        headers = {"content-type": "application/json"}
        if self._token:
            headers["authorization"] = f"Bearer {self._token}"
        body = json.dumps({"query": query, "variables": variables})
        self._connection.request("POST", "/graphql", body.encode(), headers)
        response: HTTPResponse = self._connection.getresponse()
        return response.status, response.read()


def _code(answer: dict[str, Any]) -> str | None:
    errors = answer.get("errors")
    return errors[0].get("extensions", {}).get("code") if errors else None


def _data(answer: dict[str, Any]) -> dict[str, Any]:
    if errors := answer.get("errors"):
        raise DomainError(errors[0]["message"], code=_code(answer) or "INTERNAL")
    data: dict[str, Any] = answer["data"]
    return data


def accepted(payload: dict[str, Any]) -> dict[str, Any]:
    """Return a payload without userErrors; raise DomainError with the first of them."""
    if problems := payload["userErrors"]:
        more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
        field = ".".join(problems[0]["field"] or ())
        where = f"{field}: " if field else ""
        raise DomainError(f"{where}{problems[0]['message']}{more}", code=problems[0]["code"])
    return payload
