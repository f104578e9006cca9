"""A list over HTTP: `users(first: 100)` with eight fields of each, beside other ways to serve it.

All read the same hundred people from one mongod through the same store. Default Strawberry is the
same types in a stock server; with caches, it also keeps documents parsed and validated. Plain is
Starlette and orjson without GraphQL. Clients ask them in turn.

Run: python benchmarks/lists.py [SECONDS]
"""

import asyncio
import os
import signal
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from datetime import UTC, date, datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import orjson
import strawberry
import uvicorn
from _http import Served, compare, in_turn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route
from strawberry.asgi import GraphQL
from strawberry.extensions import ParserCache, ValidationCache
from strawberry.schema.config import StrawberryConfig

import devserver.mongod
import devserver.valkey
from devserver.mongod import Profile
from devserver.process import free_port, spawn, stop
from models.paging import Window
from models.principal import Role
from models.store import Stores, connect, prepare
from models.user import User as Person
from schema.ids import to_global
from schema.paging import Connection, asked_for, to_cursor
from schema.scalars import SCALARS
from schema.user import User
from services.sessions import open_session
from services.tokens import Tokens

SECONDS = float(sys.argv[1]) if sys.argv[1:] and sys.argv[1] != "--serve" else 5.0
ROUNDS = 3
PEOPLE = 1_000
SECRET = "a secret for benchmarks, long enough to sign"
QUERY = """
query ($first: Int) {
  users(first: $first) {
    edges { cursor node { id email name locale timezone birthday points createdAt } }
    pageInfo { hasNextPage endCursor }
  }
}
"""


def serve_other(way: str, port: int, uri: str) -> None:
    """Serve the list in one of the other ways."""
    found: list[Stores] = []

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        found.append(Stores.over(connect(uri, "bench")))
        yield

    @strawberry.type
    class Query:
        @strawberry.field
        async def users(self, first: int | None = None) -> Connection[User]:
            asked = asked_for(first)
            people = found[0].users
            return Connection[User].of(
                await people.page(asked.window),
                asked,
                node=User.of,
                position=lambda user: (user.id,),
                count=people.count,
            )

    async def plain(request: Request) -> Response:
        asked = orjson.loads(await request.body())
        page = await found[0].users.page(Window(limit=asked["variables"]["first"]))
        edges = [{"cursor": to_cursor((each.id,)), "node": _shown(each)} for each in page.items]
        info = {"hasNextPage": page.more, "endCursor": edges[-1]["cursor"]}
        answer = {"data": {"users": {"edges": edges, "pageInfo": info}}}
        return Response(orjson.dumps(answer), media_type="application/json")

    caches = [ParserCache(maxsize=100), ValidationCache(maxsize=100)]
    schema = strawberry.Schema(
        Query,
        extensions=caches if way == "cached" else [],
        config=StrawberryConfig(scalar_map=SCALARS),
    )
    view = Route("/graphql/", plain, methods=["POST"])
    routes = [view] if way == "plain" else [Mount("/graphql", GraphQL[None, None](schema))]
    app = Starlette(routes=routes, lifespan=lifespan)
    uvicorn.run(app, port=port, access_log=False, log_level="warning")


def _shown(person: Person) -> dict[str, object]:
    return {
        "id": to_global("User", person.id),
        "email": person.email,
        "name": person.name,
        "locale": person.locale,
        "timezone": person.timezone,
        "birthday": person.birthday,
        "points": person.points,
        "createdAt": person.created_at,
    }


async def set_up(uri: str) -> str:
    """Make the people; return the access token of an analyst."""
    database = connect(uri, "bench")
    await prepare(database)
    people = [
        Person(
            id=f"{at:08}",
            created_at=datetime(2026, 11, 26, tzinfo=UTC),
            email=f"person{at}@example.test",
            name=f"Person {at}",
            locale="de-AT",
            timezone="Europe/Vienna",
            birthday=date(1980, 2, 1 + at % 28),
            points=at,
        )
        for at in range(PEOPLE)
    ]
    stores, now = Stores.over(database), datetime.now(UTC)
    analyst = Person(id="analyst", created_at=now, roles=frozenset({Role.ANALYST}))
    await stores.users.save_many([*people, analyst])
    pair = await open_session(analyst, stores=stores, tokens=Tokens(SECRET), wall=now)
    return pair.access_token


@contextmanager
def stack(folder: Path) -> Iterator[list[Served]]:
    """Start the servers and what they need."""
    with ExitStack() as open_:
        mongod = open_.enter_context(devserver.mongod.running(folder / "mongod", Profile.DURABLE))
        valkey = open_.enter_context(devserver.valkey.running(folder / "valkey"))
        key = asyncio.run(set_up(mongod.uri))
        environment = os.environ | {
            "FANFARE_MONGODB_URI": mongod.uri,
            "FANFARE_REDIS_URL": valkey.url,
            "FANFARE_DATABASE": "bench",
            "FANFARE_SECRET": SECRET,
            "FANFARE_DATA_DIR": str(folder),
        }
        body = orjson.dumps({"query": QUERY, "variables": {"first": 100}})
        other = [__file__, "--serve"]
        served = []
        for name, path, arguments in (
            ("Fanfare", "/graphql", ["-m", "app.cli", "serve"]),
            ("default Strawberry", "/graphql/", [*other, "default"]),
            ("Strawberry with caches", "/graphql/", [*other, "cached"]),
            ("Starlette and orjson", "/graphql/", [*other, "plain"]),
        ):
            port = free_port()
            own = [str(port), mongod.uri] if "--serve" in arguments else []
            process = spawn(
                [sys.executable, *arguments, *own],
                log=folder / f"{port}.log",
                environment=environment | {"FANFARE_PORT": str(port)},
                death_signal=signal.SIGKILL,
            )
            open_.callback(stop, process)
            served.append(Served(name, port, process.pid, path, key, [body]))
        for each in served:
            edges = each.await_answer()["data"]["users"]["edges"]
            assert len(edges) == 100
            assert len(edges[0]["node"]) == 8
        yield served


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, stack(Path(folder)) as served:
        found = in_turn(served, seconds=SECONDS, rounds=ROUNDS, mark=b'"edges":[{')
    for each in served[1:]:
        compare("Fanfare", each.name, found)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--serve"]:
        serve_other(sys.argv[2], int(sys.argv[3]), sys.argv[4])
    else:
        main()
