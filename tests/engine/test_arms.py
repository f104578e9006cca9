"""Which arms of a promotion's splits a buyer is dealt."""

from datetime import UTC, datetime

import dsl
from engine.arms import arms_of
from engine.chance import arm_of

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
RULES = """
promotion p {
  split size {
    30% small {
      take 5% off cart
      split gift { 50% none { }  50% sample { gift sku "S" quantity 1 } }
    }
    70% large { take 10% off cart }
  }
  split ship { 12.5% free { free shipping }  87.5% paid { } }
}
"""


def dealt(user: str) -> dict[str, str]:
    checked = dsl.check([dsl.SourceFile("p.rules", RULES)])
    assert checked.program is not None, checked.diagnostics
    found = list(arms_of(checked.program.promotions["p"].effects, user, NOW))
    assert all(each.at == NOW for each in found)
    keys = {each.experiment.name: each.experiment.key for each in found}
    assert keys["size"] == "size small 30 large 70"
    assert keys["ship"] == "ship free 12.5 paid 87.5"
    return {each.experiment.name: each.arm for each in found}


def test_a_buyer_is_dealt_an_arm_of_each_split_and_of_those_within_their_arms() -> None:
    people = [f"u{number}" for number in range(40)]

    found = {user: dealt(user) for user in people}

    for user, arms in found.items():
        assert arms["size"] == ("small", "large")[arm_of(user, "size", [30, 70])]
        assert ("gift" in arms) == (arms["size"] == "small")
    assert {arms["size"] for arms in found.values()} == {"small", "large"}
