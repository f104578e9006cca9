"""What the shop sells: saved in bulk, and what carts say of it put right."""

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, TypeAlias
from weakref import WeakKeyDictionary

from dsl.kinds import TEXT
from dsl.program import Program
from models.cart import Cart, CartLine
from models.errors import Invalid
from models.product import Product
from models.store import Stores
from models.store.products import Products

MOST = 1_000
FRESH = 1.0  # seconds for which a product is not looked up again
KEPT = 20_000

_Shelf: TypeAlias = dict[str, tuple[float, Product | None]]
_SHELVES: WeakKeyDictionary[Products, _Shelf] = WeakKeyDictionary()


async def upsert(products: Sequence[Product], *, stores: Stores) -> int:
    """Insert or replace products by sku; return how many. Raises Invalid."""
    if len(products) > MOST:
        raise Invalid(
            f"A call takes at most {MOST} products, not {len(products)}.", field=("products",)
        )
    for place, product in enumerate(products):
        checked(product, ("products", str(place)))
    await stores.products.save_many(list({product.sku: product for product in products}.values()))
    _shelf_of(stores).clear()
    return len(products)


def checked(product: Product, where: tuple[str, ...] = ()) -> Product:
    """Return the product. Raises Invalid, naming the field with `where` before it."""
    if not 0 < len(product.sku.strip()) <= 200:
        raise Invalid("A sku is 1 to 200 characters.", field=(*where, "sku"))
    for name in ("price", "floor"):
        if (getattr(product, name) or 0) < 0:
            raise Invalid(f"A {name} must not be negative.", field=(*where, name))
    return product


async def with_known_facts(cart: Cart, program: Program, *, stores: Stores) -> Cart:
    """Return the cart with what we know of its products in place of what was sent."""
    skus = {line.sku for line in cart.lines if line.sku}
    if not skus:
        return cart
    known = await _find(skus, stores)
    if not known:
        return cart
    declared = {name for name, kind in program.item.fields if kind == TEXT}
    return replace(
        cart,
        lines=tuple(
            _known(line, known[line.sku], declared, cart.currency == program.currency)
            if line.sku in known
            else line
            for line in cart.lines
        ),
    )


async def _find(skus: set[str], stores: Stores) -> dict[str, Product]:
    """Return those of these products that are known, as they are or were a moment ago."""
    shelf, now = _shelf_of(stores), time.monotonic()
    seen = {sku: entry for sku in skus if (entry := shelf.get(sku)) and now < entry[0]}
    if missing := sorted(skus - seen.keys()):
        found = await stores.products.find_many(missing)
        if len(shelf) > KEPT:
            shelf.clear()
        fresh = {sku: (now + FRESH, found.get(sku)) for sku in missing}
        shelf.update(fresh)
        seen |= fresh
    return {sku: product for sku, (_, product) in seen.items() if product is not None}


def _shelf_of(stores: Stores) -> _Shelf:
    return _SHELVES.setdefault(stores.products, {})


def _known(line: CartLine, product: Product, declared: set[str], same_money: bool) -> CartLine:
    facts: dict[str, Any] = {
        name: value
        for name in ("name", "category", "brand", "department", "size")
        if name in declared and (value := getattr(product, name))
    }
    floor = product.floor if same_money and product.floor is not None else line.floor
    return replace(line, floor=floor, fields={**line.fields, **facts})
