"""Which of many rules hold for one cart or event.

literals ─► gathering ─► columns ─► index
                            └► sets

judges    one expression at a time
"""

from engine.matching.index import Condition, Index
from engine.matching.judges import Judges

__all__ = ["Condition", "Index", "Judges"]
