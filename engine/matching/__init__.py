"""Which of many rules hold for one cart or event.

literals ─► gathering ─► columns ─► index
                            └► sets
"""

from engine.matching.index import Condition, Index

__all__ = ["Condition", "Index"]
