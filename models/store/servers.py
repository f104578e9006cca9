"""Which servers of others do not answer, as all processes have it."""

from models.store.database import Store


class Servers(Store):
    """One document per destination. `turns` counts how often it went or came back: odd is away."""

    NAME = "servers"

    async def turns(self, destination: str) -> int:
        """Return how often it went or came back."""
        document = await self.documents.find_one({"_id": {"$eq": destination}})
        return 0 if document is None else int(document["turns"])

    async def turn(self, destination: str, turns: int) -> None:
        """Note that it went or came back once more than `turns`. Safe to repeat."""
        await self.documents.update_one(
            {"_id": {"$eq": destination}}, {"$max": {"turns": turns + 1}}, upsert=True
        )
