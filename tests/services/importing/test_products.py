"""Products from files: completed by their sku."""

from models.product import Product
from tests.files import counts, refused, take_in


async def test_a_product_keeps_what_a_row_does_not_say_of_it(shop):
    await take_in(shop, "products", "sku,name,category,price\nA,Mug,KITCHEN,9.90\nB,Pen,,1\n")

    job = await take_in(shop, "products", "sku,price,floor\nA,8.90,5\nB,1.00,\nC,2,\nC,3,\n")

    assert counts(job) == (1, 2, 1, 0)
    assert await shop.stores.products.find_many(["A", "B", "C"]) == {
        "A": Product(sku="A", name="Mug", category="KITCHEN", price=890, floor=500),
        "B": Product(sku="B", name="Pen", price=100),
        "C": Product(sku="C", price=300),
    }


async def test_what_cannot_be_a_product_is_refused_row_by_row(shop):
    job = await take_in(shop, "products", "sku,price\n,1\nA,-1\nB,cheap\nC,1.001\nD,1\n")

    assert await refused(shop, job) == [
        (2, "sku", "REQUIRED"),
        (3, "price", "INVALID"),
        (4, "price", "INVALID"),
        (5, "price", "INVALID"),
    ]
    assert set(await shop.stores.products.find_many(["A", "B", "C", "D"])) == {"D"}
