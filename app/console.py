"""What a long command tells the person who waits for it: steps, and bars for the long ones."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

out = Console(highlight=False, soft_wrap=True)

Advance = Callable[[int], None]


def note(text: str) -> None:
    """Say something, as it is."""
    out.print(text, markup=False)


@contextmanager
def step(title: str) -> Iterator[None]:
    """Say what is being done, then how long it took."""
    started = time.monotonic()
    live = out.is_terminal
    out.print(f"  {title} …", end="\r" if live else "\n", markup=False)
    try:
        yield
    finally:
        failed = sys.exc_info()[0] is not None
        mark = "[red]✗[/]" if failed else "[green]✓[/]"
        took = time.monotonic() - started
        if live or failed or took >= 1:
            out.print(f"[green]{mark}[/] {title} [dim]{took:.1f} s[/]   ")


@contextmanager
def bar(title: str, total: int) -> Iterator[Advance]:
    """Show a progress bar; the block gets a function to call with what it has done more."""
    progress = Progress(
        TextColumn("  {task.description}"),
        BarColumn(bar_width=30),
        MofNCompleteColumn(),
        TimeRemainingColumn(elapsed_when_finished=True),
        console=out,
    )
    with progress:
        task = progress.add_task(title, total=total)
        yield lambda amount: progress.advance(task, amount)
