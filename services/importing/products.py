"""Products imported: by their sku. What a row does not say of one stays as it is."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from dsl.kinds import Money
from models.errors import Invalid
from models.imports import Row
from models.product import Product
from services import products
from services.importing import values
from services.importing.mapping import Refused
from services.importing.plan import Plan, Said, Work, readable, required

_TEXTS = ("name", "category", "brand", "department", "size")


async def plan(rows: Sequence[Row], work: Work) -> Plan:
    """Decide what becomes of products."""
    made = Plan()
    said = readable(rows, work, made)
    skus = {str(each["sku"]).strip() for _, each in said if each.get("sku") is not None}
    before = await work.stores.products.find_many(sorted(skus))
    after = dict(before)
    for row, each in said:
        try:
            sku = values.text(required(each, "sku"), "sku")
            was = after.get(sku)
            after[sku] = _product(was or Product(sku=sku), each, work)
        except Refused as refused:
            made.refuse(row.number, refused)
            continue
        if was is None:
            made.created += 1
        elif after[sku] != was:
            made.updated += 1
        else:
            made.unchanged += 1
    changed = [product for sku, product in after.items() if before.get(sku) != product]
    made.write = lambda: products.upsert(changed, stores=work.stores)
    return made


def _product(product: Product, said: Said, work: Work) -> Product:
    changes: dict[str, Any] = {
        name: values.text(said[name], name) for name in _TEXTS if name in said
    }
    for name in ("price", "floor"):
        if name in said:
            kind, source = Money(None), work.mapped.source(name)
            changes[name] = values.declared(
                said[name], kind, name, source, work.currency, work.zone
            )
    try:
        return products.checked(replace(product, **changes))
    except Invalid as error:
        raise Refused(".".join(error.field), error.code, error.message) from None
