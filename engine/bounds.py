"""What keeps a template from taking more time or room than a message may."""

import time
from collections.abc import Callable, Sequence
from io import StringIO
from typing import Any

from liquid import BoundTemplate, Environment, RenderContext
from liquid.exceptions import LiquidError
from liquid.extra import JSON

LONGEST = 256 * 1024  # characters of a template, and bytes of what it says
SECONDS = 0.1  # of the processor's time
_ELEMENTS = 2_000  # of a list that a filter takes: some compare each with each
_BITS = 4_096  # of a number


class TooMuch(LiquidError):
    """The template asks for more than it may."""

    def __init__(self, what: str) -> None:
        super().__init__(what, token=None)


class _Context(RenderContext):
    """Looks at the clock whenever the template looks something up or does something to it."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # The thread's own time: a busy machine is not the template's fault.
        self._until = time.thread_time() + SECONDS

    def get(self, *args: Any, **kwargs: Any) -> object:
        self._look_at_the_clock()
        return super().get(*args, **kwargs)

    def filter(self, name: str, token: Any) -> Callable[..., object]:
        function = super().filter(name, token)

        def bounded(left: object, *args: object, **kwargs: object) -> object:
            self._look_at_the_clock()
            _fits(name, left, args)
            return function(left, *args, **kwargs)

        return bounded

    def raise_for_loop_limit(self, length: int = 1) -> None:
        self._look_at_the_clock()
        super().raise_for_loop_limit(length)

    def get_buffer(self, buf: Any = None) -> StringIO:
        self._look_at_the_clock()
        return super().get_buffer(buf)

    def _look_at_the_clock(self) -> None:
        if time.thread_time() > self._until:
            raise TooMuch(f"it takes longer than {SECONDS * 1000:.0f} milliseconds")


class _Template(BoundTemplate):
    context_class = _Context


class _Bounded(Environment):
    template_class = _Template
    loop_iteration_limit = 10_000
    output_stream_limit = LONGEST
    local_namespace_limit = LONGEST
    context_depth_limit = 20
    block_nesting_limit = 50


def environment(*, escaping: bool) -> Environment:
    """Return what reads templates: for HTML, where values are to be escaped, or for plain text."""
    made = _Bounded(autoescape=escaping)
    made.add_filter("json", JSON(default=str))
    return made


def _fits(name: str, left: object, args: Sequence[object]) -> None:
    """Raise TooMuch for a filter that would make something huge before anyone could stop it."""
    for value in (left, *args):
        if isinstance(value, list | tuple | range | dict) and len(value) > _ELEMENTS:
            raise TooMuch(f"`{name}` is for at most {_ELEMENTS:,} elements")
        if isinstance(value, int) and value.bit_length() > _BITS:
            raise TooMuch(f"`{name}` gets a number that is too large")
    texts = [value for value in (left, *args) if isinstance(value, str)]
    most = sum(map(len, texts))
    if name == "replace" and isinstance(left, str) and len(args) == 2:
        most += left.count(str(args[0])) * len(str(args[1]))
    elif name == "join" and isinstance(left, list | tuple | range):
        most += len(left) * (len(str(args[0])) if args else 1)
    if most > 4 * LONGEST:
        raise TooMuch(f"`{name}` makes a text that is too long")
