"""Why a segment, a promotion or a trigger is for someone now or is not, clause by clause."""

from engine.explaining.account import Account, Clause
from engine.explaining.declarations import account_of
from engine.explaining.situation import Situation

__all__ = ["Account", "Clause", "Situation", "account_of"]
