"""Which of many rules hold for one cart or event, and which nearly do.

    literals ─► gathering ─► columns ─► index
                       │        └► sets
                       └► shortfalls

An index is made once per program; windows are conditions too, and judges compile one at a time.
"""

from engine.matching.index import Condition, Index
from engine.matching.judges import Judges
from engine.matching.shortfalls import Shortfalls
from engine.matching.windows import within

__all__ = ["Condition", "Index", "Judges", "Shortfalls", "within"]
