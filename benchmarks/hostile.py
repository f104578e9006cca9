"""What the worst files up to the language's limits cost, and whether others are answered meanwhile.

Each file is checked in a process of its own, in a thread as the API does it, while its event loop
is asked every millisecond. CPU is what the answer costs where nothing else runs.

Run: python benchmarks/hostile.py
"""

import asyncio
import json
import resource
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import dsl
from services.rules import check_rules

BYTES = 256 * 1024
NOW = datetime(2026, 3, 5, 12, tzinfo=UTC)


def promotion(condition: str) -> str:
    return f"promotion p {{ when {condition} take 5% off cart }}"


def bomb() -> str:
    """A pattern that backtracking never comes to the end of, on the text that is worst for it."""
    example = (
        f'example "bomb" {{ cart {{ 1 of {{ name: "{"a" * 10_000}", price: 1 USD }} }} '
        "expect total 1 USD }"
    )
    return promotion('any(cart.items where name matches "^(a+)+b$")') + "\n" + example


def chain() -> str:
    """Segments that each name the one before it twice: 2 to the power of 30 if written out."""
    segments = ["segment s0 { user.points >= 1 }"]
    segments += [
        f"segment s{at} {{ user in segment s{at - 1} or user not in segment s{at - 1} }}"
        for at in range(1, 30)
    ]
    return "\n".join((*segments, promotion("user in segment s29")))


FILES = {
    "brackets, 30,000 deep": lambda: promotion("(" * 14_000 + "cart.quantity > 1" + ")" * 14_000),
    "brackets, 63 deep, 300 times": lambda: promotion(
        " and ".join(["(" * 40 + "cart.quantity > 1" + ")" * 40] * 300)
    ),
    "30,000 signs that are all wrong": lambda: "} " * 29_000,
    "100,000 errors": lambda: "? " * 100_000,
    "1,900 unknown names": lambda: "\n".join(
        f"segment s{at} {{ user.naem{at} = {at} }}" for at in range(1900)
    ),
    "a list of 10,000": lambda: promotion(
        "user.name in [" + ", ".join(f'"{at}"' for at in range(10_000)) + "]"
    ),
    "a list of 14,951, too many": lambda: promotion("cart.quantity in [" + "1," * 14_950 + "1]"),
    "a number of 250,000 digits": lambda: promotion("cart.quantity > " + "9" * 250_000),
    "a text of 250,000 letters": lambda: promotion('user.name = "' + "x" * 250_000 + '"'),
    "a pattern that multiplies": bomb,
    "a pattern too large": lambda: promotion('user.name matches "' + "(a{1000}){1000}" + '"'),
    "2 to the power of 30 segments": chain,
    "4,800 conditions in a row": lambda: promotion(" and ".join(["cart.quantity > 1"] * 4800)),
    "2,000 promotions of one group": lambda: "\n".join(
        f"promotion p{at} {{ take 5% off cart best of g }}" for at in range(2000)
    ),
    "no end to a text": lambda: 'segment s { user.name = "' + "x " * 120_000,
}


async def check(text: str) -> dict[str, float]:
    source = dsl.SourceFile("hostile.rules", text)
    started, began, worst = time.perf_counter(), time.process_time(), 0.0
    answer = asyncio.create_task(asyncio.to_thread(check_rules, [source], dsl.Settings(), now=NOW))
    while not answer.done():
        asked = time.perf_counter()
        await asyncio.sleep(0.001)
        worst = max(worst, time.perf_counter() - asked - 0.001)
    return {
        "seconds": time.perf_counter() - started,
        "cpu": time.process_time() - began,
        "worst": worst,
        "megabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def main() -> None:
    if len(sys.argv) > 1:
        print(json.dumps(asyncio.run(check(FILES[sys.argv[1]]()))))
        return
    print("file                              size    answer       CPU     memory   others wait")
    for name, write in FILES.items():
        run = [sys.executable, __file__, name]
        found = json.loads(subprocess.run(run, check=True, capture_output=True, text=True).stdout)
        size = len(write().encode()) / 1024
        assert size <= BYTES / 1024, name
        print(
            f"{name:31} {size:4,.0f} KB {found['seconds']:7.2f} s {found['cpu']:7.2f} s"
            f" {found['megabytes']:7,.0f} MB {found['worst'] * 1000:10,.0f} ms"
        )


if __name__ == "__main__":
    main()
