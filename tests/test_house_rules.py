"""Rules about the code itself. A rule nothing checks is only a wish."""

import ast
import statistics
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import get_type_hints

import pytest

from models.store import Stores
from models.store.migrations import RECORD
from models.store.personal import HOLDINGS

ROOT = Path(__file__).parent.parent
CONFIG = tomllib.loads((ROOT / "pyproject.toml").read_text())
PACKAGES = CONFIG["tool"]["importlinter"]["root_packages"]
# What each module says, by its path.
MODULES = {
    str(path.relative_to(ROOT)): path.read_text()
    for name in PACKAGES
    for path in sorted((ROOT / name).rglob("*.py"))
}
TESTS = {
    str(path.relative_to(ROOT)): path.read_text() for path in sorted((ROOT / "tests").rglob("*.py"))
}


def breaking(is_broken: Callable[[str], object], modules: Mapping[str, str] = MODULES) -> list[str]:
    """Return the modules whose text breaks a rule."""
    return [path for path, text in modules.items() if is_broken(text)]


def test_a_module_says_what_it_owns_in_one_line():
    def says_nothing(text):
        docstring = ast.get_docstring(ast.parse(text)) or ""
        return not docstring.partition("\n")[0].endswith((".", "?", ":"))

    assert breaking(says_nothing) == []


def test_a_module_fits_in_one_sitting():
    assert breaking(lambda text: len(text.splitlines()) > 400, MODULES | TESTS) == []


def test_most_modules_are_short():
    """The target is a median of 80 lines; this is where it stops being a matter of taste."""
    lengths = [len(text.splitlines()) for text in MODULES.values()]

    assert statistics.median(lengths) <= 120


def test_every_package_is_under_an_import_contract():
    packages = {path.parent.name for path in ROOT.glob("*/__init__.py")}

    assert packages - {"tests"} == set(PACKAGES)


def test_every_package_is_type_checked_and_shipped():
    assert set(CONFIG["tool"]["mypy"]["packages"]) == set(PACKAGES)
    assert set(CONFIG["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]) == set(PACKAGES)


@pytest.mark.parametrize("what", ["datetime.now(", "utcnow(", "os.environ"])
def test_nothing_below_app_reads_the_clock_or_the_environment(what):
    """`now` and settings are arguments, so that a replay, a test and the wire agree on them."""
    reading = breaking(lambda text: what in text)

    assert [path for path in reading if not path.startswith(("app/", "devserver/"))] == []


def test_every_collection_says_what_it_holds_of_people():
    """Of a new one say in models/store/personal.py whose it is, and what erasing does with it."""
    kept = {store.NAME for store in get_type_hints(Stores).values()} | {RECORD}

    assert sorted(holding.collection for holding in HOLDINGS) == sorted(kept)


@pytest.mark.parametrize("path", ["dev.txt", "bench.txt", "run.txt", "package-lock.json"])
def test_a_lock_names_no_host(path):
    """Whoever installs says from where; hashes say what."""
    folder = ROOT / "tests" / "clients" if path.endswith(".json") else ROOT / "locks"
    text = (folder / path).read_text()

    assert "://" not in text
    assert text.count("sha256:") + text.count("sha512-") > 50


@pytest.mark.parametrize("what", ["$where", "$function", "$accumulator"])
def test_nothing_has_the_database_run_code(what):
    """What MongoDB runs as JavaScript would be one mistake away from what a caller sends."""
    assert breaking(lambda text: what in text) == []
