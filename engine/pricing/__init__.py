"""What a cart costs.

    quote ─► candidates ─► combinations ─► turn by turn: effects ─► till ─► state
                                                             └► picking, repeats

Pure: a program, a cart, facts and a moment in; a quote out. All money in minor units.
"""

from engine.pricing.quoting import effort, quote
from engine.pricing.request import Request
from engine.pricing.usage import Usage, Used

__all__ = ["Request", "Usage", "Used", "effort", "quote"]
