"""The suppression list: addresses that bounce, or whose owners called us spam."""

import hmac
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime

from models.address import normalised
from models.errors import Invalid, NotFound
from models.messaging import Bar
from models.store import Stores

CHANNELS = ("email", "sms")


@dataclass(frozen=True, slots=True)
class Suppression:
    """The list, with the key that hides the addresses on it."""

    stores: Stores
    key: str = field(repr=False)

    async def add(self, channel: str, address: str, bar: Bar, *, now: datetime) -> None:
        """Put an address on the list. Raises Invalid for what is none. Safe to repeat."""
        await self.stores.suppressions.add(self._hash(channel, address), channel, bar, now=now)

    async def remove(self, channel: str, address: str) -> None:
        """Take an address off the list. Raises NotFound if it is not on it."""
        if not await self.stores.suppressions.remove(self._hash(channel, address)):
            raise NotFound("This address is not on the list.", field=("address",))

    async def find(self, channel: str, address: str) -> Bar | None:
        """Return why an address is on the list, if it is."""
        key = self._hash(channel, address)
        return (await self.stores.suppressions.find_many([key])).get(key)

    async def find_many(self, channel: str, addresses: Collection[str]) -> dict[str, Bar]:
        """Return those of these addresses that are on the list, and why."""
        if channel not in CHANNELS or not addresses:
            return {}
        keys = {self._keyed(channel, address): address for address in addresses}
        found = await self.stores.suppressions.find_many(keys)
        return {keys[key]: bar for key, bar in found.items()}

    def _hash(self, channel: str, address: str) -> str:
        if channel not in CHANNELS:
            raise Invalid("Addresses are of EMAIL or SMS.", field=("channel",))
        return self._keyed(channel, normalised(address) if channel == "email" else address.strip())

    def _keyed(self, channel: str, address: str) -> str:
        text = f"suppressed|{channel}|{address.lower()}"
        return hmac.digest(self.key.encode(), text.encode(), "sha256").hex()
