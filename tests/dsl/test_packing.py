"""Programs as bytes come back as they were, and nothing else does."""

import os
import pickle
from pathlib import Path

import pytest

import dsl

EXAMPLES = sorted((Path(__file__).parent.parent.parent / "examples").glob("*.rules"))
SETTINGS = dsl.Settings()


def program(text):
    found = dsl.check([dsl.SourceFile("test.rules", text)])
    assert found.program is not None, found.diagnostics
    return found.program


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_a_program_comes_back_as_it_was(path):
    checked = dsl.check([dsl.SourceFile(path.name, path.read_text(encoding="utf-8"))]).program

    found = dsl.unpack(dsl.pack(checked))

    assert found == checked
    assert [each.span for each in found.promotions.values()] == [
        each.span for each in checked.promotions.values()
    ]


def test_equal_literals_of_different_types_stay_apart():
    checked = program(
        "attributes user { score: number vip: bool }\n"
        "segment a { user.score = 1 } segment b { user.score = 1.0 } segment c { user.vip = true }"
    )

    found = dsl.unpack(dsl.pack(checked))

    values = [each.condition.arguments[1].value for each in found.segments.values()]
    assert [*map(repr, values)] == [
        repr(each.condition.arguments[1].value) for each in checked.segments.values()
    ]


@pytest.mark.parametrize(
    "packed",
    [b"", b"\x80\x05", pickle.dumps(os.getcwd), pickle.dumps(["no program"]), pickle.dumps(eval)],
)
def test_what_is_no_program_is_refused(packed):
    with pytest.raises(ValueError, match="no packed program"):
        dsl.unpack(packed)


def test_the_key_tells_files_and_settings_apart():
    keys = [
        dsl.packing_key([("a", "x"), ("b", "y")], SETTINGS),
        dsl.packing_key([("a", "xb"), ("", "y")], SETTINGS),
        dsl.packing_key([("a", "x")], SETTINGS),
        dsl.packing_key([("a", "x")], dsl.Settings(zone="Asia/Tokyo")),
        dsl.packing_key([("a", "x")], dsl.Settings(currency="EUR")),
    ]

    assert len({*keys}) == len(keys)
    assert keys[2] == dsl.packing_key([("a", "x")], SETTINGS)
