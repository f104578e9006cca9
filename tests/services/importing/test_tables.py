"""Files as they arrive: in any pieces the same rows, and what is broken is named by its line."""

import pytest

from models.errors import Invalid
from services.importing.tables import Csv, JsonLines

QUOTED = 'name,note\r\n"Ann ""A""","one\r\ntwo, três"\r\nBen,\r\n'


def rows(table, data, *, pieces=None):
    """Return the numbers and cells of all rows of a file that arrives in pieces of this size."""
    size = pieces or len(data) or 1
    found = [row for at in range(0, len(data), size) for row in table.feed(data[at : at + size])]
    return [(row.number, row.cells) for row in [*found, *table.close()]]


@pytest.mark.parametrize("pieces", range(1, 12))
def test_in_whatever_pieces_it_arrives_the_rows_are_the_same(pieces):
    table = Csv()

    found = rows(table, QUOTED.encode(), pieces=pieces)

    assert table.head == ("name", "note")
    assert found == [(2, ('Ann "A"', "one\r\ntwo, três")), (3, ("Ben", ""))]


@pytest.mark.parametrize(
    ("text", "delimiter"),
    [
        ("a,b\n1,2", None),
        ("a;b\n1;2", None),
        ("a\tb\n1\t2", None),
        ('"x,y,z";b\n1;2', None),
        ("a;b,c\n1;2", ";"),
    ],
)
def test_what_stands_between_the_columns_is_found_or_said(text, delimiter):
    assert rows(Csv(delimiter), text.encode())[0] == (2, ("1", "2"))


def test_the_mark_that_spreadsheets_begin_with_is_no_part_of_the_first_column():
    table = Csv()

    rows(table, "\ufeffname,note\nAnn,x\n".encode())

    assert table.head == ("name", "note")


def test_empty_rows_are_passed_over_and_counted():
    assert rows(Csv(), b"a,b\n\n1,2\n,\n3,4\n") == [(3, ("1", "2")), (5, ("3", "4"))]


def test_lines_of_json_are_numbered_by_their_lines():
    assert rows(JsonLines(), b'{"a": 1}\n\n{"a": 2}', pieces=3) == [
        (1, '{"a": 1}'),
        (3, '{"a": 2}'),
    ]


BROKEN = {
    "another encoding": ("a,b\n1,2\nM\u00fcller,3\n".encode("latin-1"), "Line 3 is not UTF-8"),
    "UTF-16": ("a,b\n1,2\n".encode("utf-16"), "Line 1 is not UTF-8"),
    "UTF-16 without a mark": ("a,b\n1,2\n".encode("utf-16-le"), "this is not UTF-8"),
    "half a character": ("a,b\n1,ü".encode()[:-1], "Line 2 is not UTF-8"),
    "a quote that never ends": (b'a,b\n1,2\n3,"4\n5,6\n', "begins in line 3 has a quoted cell"),
    "text after a quote": (b'a,b\n1,"2"x\n', "begins in line 2 has text after a closing quote"),
    "a quote that never ends, for long": (
        b'a,b\n1,"' + b"x\n" * 200_000,
        "begins in line 2 has a cell of more than",
    ),
    "carriage returns": (b"a,b\r1,2\r\n", "line 1 has a carriage return"),
    "one long line": (b"a" * 1_100_000, "Line 1 is longer than"),
    "two columns of one name": (b"a,b,a\n", "Two columns are called 'a'"),
    "nothing": (b"", "The file is empty"),
}


@pytest.mark.parametrize("what", BROKEN)
@pytest.mark.parametrize("pieces", [7, 65_536])
def test_what_is_broken_is_named_by_its_line(what, pieces):
    data, said = BROKEN[what]
    if len(data) > 100_000 and pieces == 7:
        pieces = 10_001

    with pytest.raises(Invalid, match=said):
        rows(Csv(), data, pieces=pieces)
