"""Everything on one machine: real servers of its own, then the API, a worker and the scheduler."""

import fcntl
import json
import os
import secrets
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any, TextIO

from pydantic import SecretStr

import devserver.mongod
import devserver.valkey
from app import console, maintenance
from app.settings import Settings
from app.supervisor import Broken, Supervisor, interruptible, uninterrupted
from devserver.process import free_port, spawn, tail, tie_to_parent
from models.errors import Conflict, Invalid

ADMIN = "admin@example.test"
_SERVERS, _PROCESSES = 0, 1


@dataclass(slots=True)
class Stack:
    """One running installation in one data folder. Use it as a context manager."""

    settings: Settings
    workers: int = 1
    supervisor: Supervisor = field(default_factory=lambda: Supervisor(console.note))
    _open: ExitStack = field(default_factory=ExitStack)
    _ports: dict[str, int] = field(default_factory=dict)

    @property
    def folder(self) -> Path:
        """Return where everything is kept."""
        return self.settings.data_dir

    @property
    def mailbox(self) -> Path | None:
        """Return the folder that e-mails end in, or None if they really leave."""
        folder = self.folder / "mailbox"
        return folder if "smtp" in self._ports else None

    @property
    def url(self) -> str:
        """Return the API's address."""
        return f"http://{self.settings.host}:{self.settings.port}"

    def __enter__(self) -> "Stack":
        self.settings = self.settings.model_copy(
            update={"data_dir": self.settings.data_dir.absolute()}
        )
        self._open.enter_context(interruptible())
        try:
            self._open.enter_context(_locked(self.folder))
            self._ports = _remembered(self.folder)
        except BaseException:
            self._open.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        with uninterrupted():
            self.supervisor.stop()
            (self.folder / "state.json").unlink(missing_ok=True)
            self._open.close()

    def start_servers(self) -> None:
        """Start MongoDB, Redis and a mail server, except those that the settings point to."""
        given = self.settings.model_fields_set
        found: dict[str, Any] = {"secret": self.settings.secret or _secret(self.folder)}
        ports, self._ports = self._ports, {}
        if "mongodb_uri" not in given:
            with console.step("Starting MongoDB"):
                port = free_port(ports.get("mongodb"))
                self._start_mongod(port)
                found["mongodb_uri"] = f"mongodb://127.0.0.1:{port}/?replicaSet=rs0"
        if "redis_url" not in given:
            with console.step("Starting Valkey"):
                port = free_port(ports.get("redis"))
                self._start_valkey(port)
                found["redis_url"] = f"redis://127.0.0.1:{port}/0"
        if "smtp_url" not in given:
            with console.step("Starting a mail server that keeps what it gets"):
                port = free_port(ports.get("smtp"))
                self._start_mail(port)
                found["smtp_url"] = f"smtp://127.0.0.1:{port}"
        found["port"] = self._choose_port(ports.get("http"))
        self.settings = self.settings.model_copy(update=found)

    def prepare(self) -> None:
        """Bring the database up to date and make the first administrator."""
        with console.step("Preparing the database"):
            maintenance.migrate(self.settings, patience_ms=30_000)
            password = self.password()
            maintenance.create_admin(self.settings, email=ADMIN, password=password)

    def password(self) -> str:
        """Return the first administrator's password, kept in the data folder."""
        path = self.folder / "admin-password"
        if not path.exists():
            _write(path, secrets.token_urlsafe(12) + "\n")
        return path.read_text().strip()

    def start_processes(self, clock: str = "") -> None:
        """Start the API, the workers and the scheduler; return when the API is ready."""
        with console.step("Starting the API, a worker and the scheduler"):
            if clock:
                self.settings = self.settings.model_copy(update={"clock": clock})
            self._remember()
            self._start_command("api", ["serve"])
            for number in range(1, self.workers + 1):
                self._start_command(f"worker-{number}", ["worker"])
            self._start_command("scheduler", ["scheduler"])
            self._await_ready()

    def watch(self, *, saying: str | None = None) -> None:
        """Say what is to be said, then keep everything running until Ctrl-C or SIGTERM."""
        try:
            if saying is not None:  # whoever reads it may stop us at once
                console.note(saying)
            self.supervisor.watch()
        except KeyboardInterrupt:
            console.note("\nStopping …")

    def _start_mongod(self, port: int) -> None:
        folder = self.folder / "mongod"
        self._start_server(
            "mongod",
            # A little patience: a killed stack's mongod may still be shutting down.
            lambda: devserver.mongod.start(folder, port=port, patience=15).process,
            folder / "mongod.log",
        )
        self._ports["mongodb"] = port

    def _start_valkey(self, port: int) -> None:
        folder = self.folder / "valkey"
        self._start_server(
            "valkey",
            lambda: devserver.valkey.start(folder, port=port).process,
            folder / "valkey.log",
        )
        self._ports["redis"] = port

    def _start_mail(self, port: int) -> None:
        log = self._log("mail")
        mailbox = str(self.folder / "mailbox")
        command = [sys.executable, "-P", "-m", "devserver.smtp", str(port), mailbox]
        self._start_server("mail", lambda: spawn(command, log=log), log)
        self._ports["smtp"] = port

    def _start_server(self, name: str, start: Any, log: Path) -> None:
        self.supervisor.start(name, start, log=log, tier=_SERVERS)

    def _start_command(self, name: str, arguments: Sequence[str]) -> None:
        log = self._log(name)
        command = [sys.executable, "-P", "-m", "app.cli", *arguments]
        environment = {**os.environ, **self.environment()}
        self.supervisor.start(
            name,
            lambda: spawn(command, log=log, environment=environment),
            log=log,
            tier=_PROCESSES,
        )

    def environment(self) -> dict[str, str]:
        """Return the settings as the environment variables that a child process reads."""
        values = {
            "mongodb_uri": self.settings.mongodb_uri,
            "redis_url": self.settings.redis_url,
            "smtp_url": self.settings.smtp_url,
            "secret": self.settings.signing_key(),
            "host": self.settings.host,
            "port": str(self.settings.port),
            "data_dir": str(self.folder),
            "clock": self.settings.clock,
            "public_url": self.settings.public_url or self.url,
        }
        return {f"FANFARE_{name.upper()}": value for name, value in values.items()}

    def _log(self, name: str) -> Path:
        folder = self.folder / "logs"
        folder.mkdir(exist_ok=True)
        return folder / f"{name}.log"

    def _choose_port(self, remembered: int | None) -> int:
        """Return the port that was asked for, else the usual one, else any."""
        wanted = self.settings.port
        if "port" not in self.settings.model_fields_set:
            usual = free_port(remembered or wanted)
            self._ports["http"] = usual
            return usual
        port = free_port(wanted)
        if wanted and port != wanted:
            raise Conflict(
                f"port {wanted} is in use; set FANFARE_PORT to another one, "
                "or leave it unset to have a free one chosen"
            )
        return port

    def _await_ready(self) -> None:
        log = self._log("api")
        deadline = time.monotonic() + 60
        while not answers(self.settings.host, self.settings.port, "/readyz"):
            try:
                self.supervisor.check()
            except Broken as failure:
                raise Conflict(f"{failure}\n{tail(log)}") from failure
            if time.monotonic() > deadline:
                raise Conflict(f"the API was not ready within a minute; see {log}\n{tail(log)}")
            time.sleep(0.1)

    def _remember(self) -> None:
        """Write down where everything is, for the next start and for other programs."""
        state = {
            "pid": os.getpid(),
            "url": self.url,
            "mongodb_uri": self.settings.mongodb_uri,
            "redis_url": self.settings.redis_url,
            "smtp_url": self.settings.smtp_url,
            "mailbox": str(self.mailbox) if self.mailbox else None,
        }
        _write(self.folder / "state.json", json.dumps(state, indent=2) + "\n")
        _write(self.folder / "ports.json", json.dumps(self._ports) + "\n")


def answers(host: str, port: int, path: str) -> bool:
    """Whether an HTTP server there answers `path` with 200."""
    connection = HTTPConnection(host, port, timeout=5)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == 200
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Hold the data folder, or say who does."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock: TextIO = (folder / "lock").open("a+")
    except OSError as failure:
        raise Invalid(
            f"cannot write to {folder}: {failure.strerror}; set FANFARE_DATA_DIR to another folder"
        ) from failure
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            lock.seek(0)
            holder = lock.read().strip() or "unknown"
            raise Conflict(
                f"{folder} is in use by process {holder}; stop that one, "
                "or set FANFARE_DATA_DIR to another folder"
            ) from None
        lock.seek(0)
        lock.truncate()
        lock.write(f"{os.getpid()}\n")
        lock.flush()
        yield


def _remembered(folder: Path) -> dict[str, int]:
    """Return the ports of the last start, so that addresses stay the same where they can."""
    try:
        ports = json.loads((folder / "ports.json").read_text())
    except (OSError, ValueError):
        return {}
    return {str(name): int(port) for name, port in ports.items()}


def _secret(folder: Path) -> SecretStr:
    """Return the folder's own secret, made at the first start."""
    path = folder / "secret"
    if not path.exists():
        _write(path, secrets.token_urlsafe(48))
    return SecretStr(path.read_text().strip())


def _write(path: Path, text: str) -> None:
    """Write a file that only we may read, all of it or nothing."""
    partial = path.with_name(f".{path.name}.part")
    partial.unlink(missing_ok=True)
    with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
    partial.rename(path)


def run(settings: Settings, *, workers: int = 1, die_with_parent: bool = False) -> None:
    """Start everything, say where it is, and stay until Ctrl-C."""
    if die_with_parent:
        tie_to_parent()
    with Stack(settings, workers) as stack:
        stack.start_servers()
        stack.prepare()
        stack.start_processes()
        console.note(f"\nFanfare runs at {stack.url} (GraphQL: {stack.url}/graphql)")
        console.note(f"Sign in as {ADMIN} with {stack.password()}")
        if stack.mailbox:
            console.note(f"E-mails end in {stack.mailbox}")
        stack.watch(saying="Ctrl-C stops everything.")
