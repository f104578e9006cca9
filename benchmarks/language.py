"""How long files of rules take to be read, checked and compiled, and a publication to be loaded.

Run: python benchmarks/language.py
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from _measure import medians, spell

import dsl

A_FILE = 1000  # declarations: twice as many go into two files


def declaration(number: int) -> str:
    """One line of a file: promotions of different kinds, segments in between."""
    match number % 5:
        case 0:
            return (
                f"segment s{number} {{ user.points >= {number}"
                " and count(order_placed, last 90 days) >= 3 }"
            )
        case 1:
            return (
                f"promotion p{number} {{ when cart.subtotal >= {number} USD"
                f' and any(cart.items where category = "C{number % 50}") take 5% off cart }}'
            )
        case 2:
            return (
                f"promotion p{number} {{ for user in segment s{number - 2}"
                f" take 1 USD off items where price >= {number}.50 USD limit 1 per user }}"
            )
        case 3:
            return (
                f'promotion p{number} {{ buy 2 items where category = "C{number % 50}"'
                " get 1 items free priority 3 }"
            )
        case _:
            return f'promotion p{number} {{ code "CODE{number}" take 10% off cart up to 20 USD }}'


def files(count: int) -> list[dsl.SourceFile]:
    lines = [declaration(number) for number in range(count)]
    return [
        dsl.SourceFile(f"{start}.rules", "\n".join(lines[start : start + A_FILE]))
        for start in range(0, count, A_FILE)
    ]


def checked(sources: list[dsl.SourceFile]) -> dsl.Program:
    found = dsl.check(sources)
    assert found.program is not None, found.diagnostics[:3]
    return found.program


def compile_all(program: dsl.Program) -> None:
    compiler = dsl.Compiler(program)
    for segment in program.segments.values():
        compiler.condition(segment.condition)
    for promotion in program.promotions.values():
        for condition in (promotion.audience, promotion.when):
            if condition is not None:
                compiler.condition(condition)


def main() -> None:
    print("declarations      parse   + check  + compile      together   a declaration   reload")
    for count in (250, 500, 1000, 2000):
        sources = files(count)
        program = checked(sources)
        packed = dsl.pack(program)
        taken = medians(
            {
                "parse": lambda sources=sources: [dsl.parse(source) for source in sources],
                "check": lambda sources=sources: checked(sources),
                "compile": lambda program=program: compile_all(program),
                "reload": lambda packed=packed: dsl.unpack(packed),
            },
            rounds=5,
        )
        together = taken["check"] + taken["compile"]
        print(
            f"{count:12,} {spell(taken['parse']):>10} {spell(taken['check'] - taken['parse']):>9}"
            f" {spell(taken['compile']):>10} {spell(together):>13} {spell(together / count):>15}"
            f" {spell(taken['reload']):>8}"
        )


if __name__ == "__main__":
    main()
