"""How Python's cyclic garbage collector is set in processes that run for long."""

import gc


def settle() -> None:
    """Have the collector never look again at what is there by now: it is much, and it stays.

    What comes later it looks at in larger portions, and rarely at all of it, for everybody waits.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(5_000, 20, 20)
