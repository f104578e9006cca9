"""Names of any script, where things stand, and what makes no difference."""

from dsl import nodes
from tests.dsl.test_parser import number, read


def test_names_are_of_any_script_and_compared_in_their_normal_form():
    composed, decomposed = "caf\u00e9", "cafe\u0301"

    assert read(f"list {decomposed} []").declarations[0].name.text == composed  # type: ignore[union-attr]
    assert read("list 春节满减 []").declarations[0].name.text == "春节满减"  # type: ignore[union-attr]
    assert read("list ग्राहक []").declarations[0].name.text == "ग्राहक"  # type: ignore[union-attr]
    assert read("list カタカナ漢字ひらがな []").declarations[0].name is not None  # type: ignore[union-attr]


def test_columns_count_code_points_from_one():
    (_, segment) = read('list l ["😀"]  # 春\n\tsegment s "😀😀" { 春 > 1 }').declarations

    assert isinstance(segment, nodes.Segment)
    assert isinstance(segment.condition, nodes.Comparison)
    span = segment.condition.left.span
    assert (span.line, span.column, span.end_line, span.end_column) == (2, 19, 2, 20)


def test_a_file_may_begin_with_its_version_after_a_mark_and_comments():
    file = read("\ufeff# hello\r\nfanfare 1\r\n\r\nlist l []\r\n")

    assert file.version == number("1")
    assert [comment.text for comment in file.comments] == ["# hello"]
    assert file.blanks == (3, 5)


def test_comments_know_whether_they_stand_alone():
    comments = read("# one\nlist l [] # two\n  # three").comments

    assert [(c.text, c.alone, c.span.line) for c in comments] == [
        ("# one", True, 1),
        ("# two", False, 2),
        ("# three", True, 3),
    ]


def test_white_space_means_nothing():
    packed = 'segment a{user.x=1 and user.y in["b"]}promotion p{take 5%off cart}'
    spread = packed.replace("{", "\n{\n").replace("=", "\u3000=\t").replace("}", "\n}\n")

    assert read(packed) == read(spread)


def test_positions_and_comments_do_not_count_for_equality():
    assert read("list l []") == read("# c\n\n  list l [ ]")
