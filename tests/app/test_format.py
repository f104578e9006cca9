import io
import stat
import sys
from pathlib import Path

import pytest

from app.cli import main

MESSY = "# who\nsegment s{user.name   is known}\n"
TIDY = "# who\nsegment s { user.name is known }\n"
BROKEN = "segment s { user.name is }\n"


@pytest.fixture
def fmt(tmp_path, monkeypatch, capsys):
    """Write files of these names and contents, and run `fanfare fmt`."""

    def run(*arguments, stdin="", **files):
        for name, text in files.items():
            (tmp_path / name).write_bytes(text.encode() if isinstance(text, str) else text)
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr("sys.argv", ["fanfare", "fmt", *arguments])
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(stdin.encode())))
        with pytest.raises(SystemExit) as ended:
            main()
        said = capsys.readouterr()
        return ended.value.code, said.out, said.err

    return run


def test_files_are_rewritten_in_place(fmt, tmp_path):
    code, out, err = fmt("a", "b", a=MESSY, b=TIDY)

    assert (code, out, err) == (0, "", "reformatted a\n")
    assert Path("a").read_text() == TIDY
    assert {path.name for path in tmp_path.iterdir()} == {"a", "b"}


def test_all_files_of_a_folder_are_rewritten(fmt, tmp_path):
    (tmp_path / "rules" / "deep").mkdir(parents=True)
    for name in ("a.rules", "deep/b.rules", "notes.txt"):
        (tmp_path / "rules" / name).write_text(MESSY)

    code, out, err = fmt("rules")

    paths = [Path("rules", name) for name in ("a.rules", "deep/b.rules")]
    assert (code, out) == (0, "")
    assert err == "".join(f"reformatted {path}\n" for path in paths)
    assert [path.read_text() for path in paths] == [TIDY, TIDY]
    assert Path("rules/notes.txt").read_text() == MESSY


def test_a_folder_without_rules_cannot_be_formatted(fmt, tmp_path):
    (tmp_path / "empty").mkdir()

    code, _, err = fmt("--check", "empty")

    assert code == 2
    assert "there are no files of rules" in err


def test_a_second_time_nothing_changes(fmt):
    fmt("a", a=MESSY)

    assert fmt("a") == (0, "", "")
    assert fmt("--check", "a") == (0, "", "")


def test_check_changes_nothing_and_says_what_would(fmt):
    code, out, err = fmt("--check", "a", "b", a=MESSY, b=TIDY)

    assert (code, out, err) == (1, "", "would reformat a\n")
    assert Path("a").read_text() == MESSY


def test_diff_shows_the_lines(fmt):
    code, out, _ = fmt("--diff", "a", a=MESSY)

    assert code == 1
    assert out.splitlines()[3:] == [
        " # who",
        "-segment s{user.name   is known}",
        "+segment s { user.name is known }",
    ]
    assert Path("a").read_text() == MESSY


def test_standard_input_goes_to_standard_output(fmt):
    assert fmt("-", stdin=MESSY) == (0, TIDY, "")
    assert fmt("--check", "-", stdin=MESSY) == (1, "", "")


def test_a_syntax_error_leaves_its_file_alone_and_no_other(fmt):
    code, _, err = fmt("a", "b", a=BROKEN, b=MESSY)

    assert code == 2
    assert "a:1:26: error E101" in err
    assert Path("a").read_text() == BROKEN
    assert Path("b").read_text() == TIDY


def test_what_cannot_be_read_is_named(fmt):
    code, _, err = fmt("none", "latin", latin=b"# caf\xe9\n")

    assert code == 2
    assert err == (
        "fanfare: none: No such file or directory\nfanfare: latin is not UTF-8 text (byte 5)\n"
    )


def test_line_ends_and_permissions_stay(fmt):
    code, _, _ = fmt("a", a=MESSY.replace("\n", "\r\n"))
    assert code == 0
    assert Path("a").read_bytes() == TIDY.replace("\n", "\r\n").encode()

    Path("a").write_text(MESSY)
    Path("a").chmod(0o640)
    fmt("a")
    assert stat.S_IMODE(Path("a").stat().st_mode) == 0o640


@pytest.mark.skipif(sys.platform == "win32", reason="links need a privilege there")
def test_a_link_stays_a_link(fmt, tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "a")

    fmt("link", a=MESSY)

    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "a").read_text() == TIDY
