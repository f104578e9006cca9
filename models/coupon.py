"""A paper coupon of a campaign that ran before Fanfare: what it was good for."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Coupon:
    code: str
    campaign_id: str
    skus: tuple[str, ...]

    @property
    def id(self) -> str:
        """Return its key: the same code was printed for several campaigns."""
        return f"{self.campaign_id}|{self.code}"
