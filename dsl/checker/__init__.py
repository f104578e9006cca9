"""From surface trees to a checked program, with everything that is wrong with it.

facts, names ─► segments, promotions, triggers … ─► what they are beside each other
"""

from dsl.checker.programs import Checked, check

__all__ = ["Checked", "check"]
