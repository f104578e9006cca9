"""What a cart costs.

    quote ─► candidates ─► combinations ─► turn by turn: effects ─► till ─► state
            └► telling                                       └► picking, repeats

Pure: a program, a cart, facts and a moment in; a quote out. All money in minor units.
"""

from engine.pricing.quoting import Pricing, effort, quote
from engine.pricing.request import Request
from engine.pricing.usage import Usage, Used

__all__ = ["Pricing", "Request", "Usage", "Used", "effort", "quote"]
