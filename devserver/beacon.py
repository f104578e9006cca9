"""A beacon that speaks drand's HTTP API on loopback, with real rounds and signatures.

Everybody knows its secret key: nobody must trust its values.
"""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from py_arkworks_bls12381 import G1Point, G2Point, Scalar

_SECRET = Scalar.from_be_bytes_mod_order(sha256(b"the beacon of a laptop").digest())
_GROUP = sha256(b"a laptop").digest()
_NAME = "laptop"
_SCHEME = "bls-unchained-g1-rfc9380"
_DOMAIN = b"BLS_SIG_BLS12381G1_XMD:SHA-256_SSWU_RO_NUL_"


@dataclass(slots=True)
class Beacon:
    """`says` changes answers by path, such as "public/7"; `away` refuses them all; `asked` lists
    the paths that were asked for.
    """

    genesis: int
    period: int
    url: str = ""
    away: bool = False
    says: dict[str, Any] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    @property
    def hash(self) -> str:
        """The chain's hash, as drand makes it: over times, key, group and name."""
        times = self.period.to_bytes(4, "big") + self.genesis.to_bytes(8, "big")
        return sha256(times + _public_key() + _GROUP + _NAME.encode()).hexdigest()

    def answer(self, path: str) -> dict[str, Any] | None:
        """Return the answer to what was asked of this chain, None if there is none."""
        self.asked.append(path)
        if self.away:
            return None
        if path in self.says:
            found: dict[str, Any] | None = self.says[path]
            return found
        if path == "info":
            return {
                "public_key": _public_key().hex(),
                "period": self.period,
                "genesis_time": self.genesis,
                "hash": self.hash,
                "groupHash": _GROUP.hex(),
                "schemeID": _SCHEME,
                "metadata": {"beaconID": _NAME},
            }
        kind, _, number = path.partition("/")
        if kind != "public" or not number.isdecimal():
            return None
        if self.genesis + (int(number) - 1) * self.period > time.time():
            return None
        signature = _signed(int(number))
        return {
            "round": int(number),
            "randomness": sha256(signature).hexdigest(),
            "signature": signature.hex(),
        }


def _public_key() -> bytes:
    return (G2Point() * _SECRET).to_compressed_bytes()


def _signed(number: int) -> bytes:
    message = sha256(number.to_bytes(8, "big")).digest()
    return (G1Point.hash_to_curve(message, _DOMAIN) * _SECRET).to_compressed_bytes()


@contextmanager
def running(*, genesis: int, period: int = 3) -> Iterator[Beacon]:
    """Run a beacon on loopback, in a thread, for the length of a `with` block."""
    beacon = Beacon(genesis, period)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            chain, _, path = self.path.removeprefix("/").partition("/")
            answer = beacon.answer(path) if chain == beacon.hash else None
            body = json.dumps(answer or {"error": "no such round"}).encode()
            self.send_response(HTTPStatus.OK if answer else HTTPStatus.NOT_FOUND)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_arguments: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        beacon.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield beacon
        finally:
            server.shutdown()
            thread.join()
