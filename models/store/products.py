"""Products and coupons as documents."""

from collections.abc import Sequence
from dataclasses import asdict

from pymongo import ASCENDING, IndexModel, ReplaceOne

from models.coupon import Coupon
from models.product import Product
from models.store.database import Document, Store


class Products(Store):
    NAME = "products"

    async def save_many(self, products: Sequence[Product]) -> None:
        """Insert or replace products in bulk."""
        if products:
            await self.documents.bulk_write(
                [ReplaceOne({"_id": each.sku}, _product(each), upsert=True) for each in products],
                ordered=False,
            )

    async def find_many(self, skus: Sequence[str]) -> dict[str, Product]:
        """Return those of these products that are known, by sku, in one read."""
        cursor = self.documents.find({"_id": {"$in": list(skus)}})
        return {
            document["_id"]: Product(sku=document.pop("_id"), **document)
            async for document in cursor
        }


class Coupons(Store):
    NAME = "coupons"
    INDEXES = (IndexModel([("campaign", ASCENDING)]),)

    async def save_many(self, coupons: Sequence[Coupon]) -> None:
        """Insert or replace coupons in bulk."""
        if coupons:
            await self.documents.bulk_write(
                [ReplaceOne({"_id": each.id}, _coupon(each), upsert=True) for each in coupons],
                ordered=False,
            )

    async def count(self) -> int:
        """Return how many coupons there are."""
        return await self.documents.estimated_document_count()


def _product(product: Product) -> Document:
    document = {key: value for key, value in asdict(product).items() if value is not None}
    del document["sku"]
    return document


def _coupon(coupon: Coupon) -> Document:
    return {"code": coupon.code, "campaign": coupon.campaign_id, "skus": list(coupon.skus)}
