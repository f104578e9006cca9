"""Who the households are: what the data does not say is made up, the same at every import."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from random import Random
from typing import Any

from models.user import Consent, User

_NAMES = (
    """Ada Alma Amir Ana Ben Bea Carl Chen Clara Dana David Diego Ella Emil Eva Femi Finn Grace Hana
    Hugo Ida Ines Ivan Jack Jana Joel Jose Kai Kim Lena Leo Lina Luca Maja Malik Mara Max Mei Mia
    Mila Mona Nico Nina Noah Nora Omar Oscar Paul Petra Priya Rafa Remy Rosa Ruth Sami Sara Sofia
    Tara Theo Tom Uma Vera Victor Wei Yara Yusuf Zoe""",
    """Adams Ahmed Baker Becker Blanc Bruno Cohen Costa Cruz Diaz Dubois Evans Fischer Flores Foster
    Garcia Gray Hall Hansen Hayes Huang Ito Jensen Jones Kaya Khan Kim Klein Kovac Kumar Lang Lee
    Lopez Mann Meyer Mills Moore Mori Nagy Novak Okoro Olsen Owens Park Patel Perez Reed Reyes
    Rossi Ruiz Sato Silva Singh Smith Stone Tanaka Torres Vega Walker Weber Wong Yilmaz Young""",
)
_FIRST = _NAMES[0].split()
_LAST = _NAMES[1].split()
# Most live where the shops are; some have moved, or travel.
_ZONES = ("America/New_York", "America/Chicago", "America/Denver", "America/Los_Angeles")
_ZONE_WEIGHTS = (80, 12, 3, 5)
_AGES = {
    "19-24": (19, 24),
    "25-34": (25, 34),
    "35-44": (35, 44),
    "45-54": (45, 54),
    "55-64": (55, 64),
    "65+": (65, 85),
}


def complete(
    user_id: str, attributes: Mapping[str, Any], *, since: datetime, today: date, seed: int
) -> User:
    """Return the household as a person, marked synthetic for what was made up."""
    random = Random(f"{seed}:{user_id}")
    first, last = random.choice(_FIRST), random.choice(_LAST)
    youngest, oldest = _AGES.get(attributes.get("age_band", ""), (19, 85))
    days = random.randint(youngest * 366, (oldest + 1) * 365 - 1)
    number = user_id.rpartition("-")[2].lstrip("0")
    return User(
        id=user_id,
        created_at=since,
        email=f"{first}.{last}.{number}@example.test".lower(),
        name=f"{first} {last}",
        locale="en-US",
        timezone=random.choices(_ZONES, _ZONE_WEIGHTS)[0],
        birthday=today - timedelta(days=days),
        consent=Consent(
            email=random.random() < 0.7, sms=random.random() < 0.2, push=random.random() < 0.3
        ),
        attributes=attributes,
        synthetic=True,
    )
