"""Everything that differs between deployments, read from the environment once."""

from pathlib import Path
from typing import Annotated

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from app.clock import Clock
from models.audit import SealKeys
from models.beacon import Chain
from models.errors import Invalid
from services.links import Links


class Settings(BaseSettings):
    """Environment variables named `FANFARE_` and the field's name in capitals."""

    model_config = SettingsConfigDict(env_prefix="FANFARE_", frozen=True, extra="ignore")

    mongodb_uri: str = Field(
        default="mongodb://127.0.0.1:27017/?directConnection=true",
        description="A MongoDB replica set.",
    )
    redis_url: str = Field(
        default="redis://127.0.0.1:6379/0", description="Redis or Valkey, for queues."
    )
    database: str = Field(default="fanfare", description="The database's name.")
    host: str = Field(default="127.0.0.1", description="The address that `serve` listens on.")
    port: int = Field(
        default=8000, ge=0, le=65_535, description="The port that `serve` listens on."
    )
    public_url: str = Field(default="", description="The API's address as users see it.")
    account_url: str = Field(
        default="",
        description="Where the shop's pages for account mail are: its links lead to `/join`, "
        "`/reset` and `/verify` there, with `#token=…`. Without it, the mail has the token to "
        "copy.",
    )
    secret: SecretStr | None = Field(
        default=None,
        description="Signs access tokens; at least 32 characters, the same everywhere.",
    )
    data_key: SecretStr | None = Field(
        default=None,
        description="For what outlives sessions: links in messages, the suppression list. "
        "The secret, unless given.",
    )
    old_data_keys: Annotated[tuple[SecretStr, ...], NoDecode] = Field(
        default=(),
        description="Data keys that were used before, separated by commas: what they have sealed "
        "in the audit log can then still be verified.",
    )
    audit_days: int | None = Field(
        default=None,
        ge=30,
        description="How long entries of the audit log are kept; for good, unless given.",
    )
    smtp_url: str = Field(
        default="",
        description="smtp://user:password@host:port for outgoing e-mail; with a password or "
        "smtp+tls:// only encrypted, smtps:// from the start.",
    )
    mail_from: str = Field(
        default="Fanfare <shop@example.test>", description="The sender of e-mails."
    )
    sms_url: str = Field(default="", description="Where the gateway for text messages takes them.")
    sms_token: SecretStr = Field(
        default=SecretStr(""), description="The bearer token that it asks for."
    )
    push_url: str = Field(
        default="", description="Where the gateway for push notifications takes them."
    )
    push_token: SecretStr = Field(
        default=SecretStr(""), description="The bearer token that it asks for."
    )
    private_targets: bool = Field(
        default=False,
        description="Development: webhooks may use http and lead to private addresses.",
    )
    sends_per_second: float = Field(
        default=500,
        gt=0,
        description="How many messages a worker sends to one server or webhook's host per second.",
    )
    data_dir: Path = Field(default=Path(".data"), description="Where local state is kept.")
    beacon_url: str = Field(
        default="", description="Where a public beacon for lotteries answers (drand's HTTP API)."
    )
    beacon_chain: str = Field(
        default="52db9ba70e0cc0f6eaf7803dd07447a1f5477735fd3f661792ba94600c84e971",
        pattern="^[0-9a-f]{64}$",
        description="The hash of its chain; this one is drand's quicknet.",
    )
    beacon_genesis: int = Field(
        default=1_692_803_367, ge=0, description="When its first round was, in seconds since 1970."
    )
    beacon_period: int = Field(default=3, ge=1, description="Seconds from one round to the next.")
    clock: str = Field(default="", description="START@ANCHOR*SPEED: business time for replays.")
    dev: bool = Field(default=False, description="Development: introspection for everyone.")
    allowed_origins: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(), description="Origins of web pages that may call the API, separated by commas."
    )

    @field_validator("allowed_origins", "old_data_keys", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(part.strip() for part in value.split(",") if part.strip())
        return value

    @field_validator("beacon_url")
    @classmethod
    def _address(cls, value: str) -> str:
        if value and not value.startswith(("https://", "http://")):
            raise ValueError("must begin with https:// or http://")
        return value.rstrip("/")

    @field_validator("secret", "data_key")
    @classmethod
    def _long_enough(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and len(value.get_secret_value()) < 32:
            raise ValueError("must have at least 32 characters")
        return value

    @field_validator("clock")
    @classmethod
    def _readable(cls, value: str) -> str:
        try:
            Clock.parse(value)
        except Invalid as error:
            raise ValueError(error.message) from error
        return value

    def lasting_key(self) -> str:
        """Return what signs links in messages, which outlive sessions."""
        return self.data_key.get_secret_value() if self.data_key else self.signing_key()

    def seal_keys(self) -> SealKeys:
        """Return what the audit log is sealed with, or refuse to go on without a secret."""
        before = [key.get_secret_value() for key in self.old_data_keys]
        return SealKeys.of(self.lasting_key(), before)

    def links(self) -> Links | None:
        """Return what makes links in messages, if there is an address for them to lead to."""
        if not self.public_url or not (self.data_key or self.secret):
            return None
        return Links(self.public_url, self.lasting_key())

    def signing_key(self) -> str:
        """Return the secret, or refuse to go on without one."""
        if self.secret is None:
            raise Invalid("set FANFARE_SECRET to at least 32 random characters")
        return self.secret.get_secret_value()

    def chain(self) -> Chain | None:
        """Return the beacon that draws are promised to, if there is one."""
        if not self.beacon_url:
            return None
        return Chain(self.beacon_url, self.beacon_chain, self.beacon_genesis, self.beacon_period)
