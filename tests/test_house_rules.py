"""Rules about the code itself. A rule nothing checks is only a wish."""

import ast
import statistics
import tomllib
from pathlib import Path
from typing import get_type_hints

import pytest

from models.store import Stores
from models.store.migrations import RECORD
from models.store.personal import HOLDINGS

ROOT = Path(__file__).parent.parent
CONFIG = tomllib.loads((ROOT / "pyproject.toml").read_text())
PACKAGES = CONFIG["tool"]["importlinter"]["root_packages"]
MODULES = [path for name in PACKAGES for path in sorted((ROOT / name).rglob("*.py"))]
TESTS = sorted((ROOT / "tests").rglob("*.py"))

each_module = pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))


@each_module
def test_a_module_says_what_it_owns_in_one_line(path):
    docstring = ast.get_docstring(ast.parse(path.read_text())) or ""

    assert docstring.partition("\n")[0].endswith((".", "?", ":"))


@pytest.mark.parametrize("path", [*MODULES, *TESTS], ids=lambda path: str(path.relative_to(ROOT)))
def test_a_module_fits_in_one_sitting(path):
    assert len(path.read_text().splitlines()) <= 400


def test_most_modules_are_short():
    """The target is a median of 80 lines; this is where it stops being a matter of taste."""
    lengths = [len(path.read_text().splitlines()) for path in MODULES]

    assert statistics.median(lengths) <= 120


def test_every_package_is_under_an_import_contract():
    packages = {path.parent.name for path in ROOT.glob("*/__init__.py")}

    assert packages - {"tests"} == set(PACKAGES)


def test_every_package_is_type_checked_and_shipped():
    assert set(CONFIG["tool"]["mypy"]["packages"]) == set(PACKAGES)
    assert set(CONFIG["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]) == set(PACKAGES)


@each_module
def test_nothing_below_app_reads_the_clock_or_the_environment(path):
    """`now` and settings are arguments, so that a replay, a test and the wire agree on them."""
    package = path.relative_to(ROOT).parts[0]
    if package in {"app", "devserver"}:
        return
    text = path.read_text()

    assert "datetime.now(" not in text
    assert "utcnow(" not in text
    assert "os.environ" not in text


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


@each_module
def test_nothing_has_the_database_run_code(path):
    """What MongoDB runs as JavaScript would be one mistake away from what a caller sends."""
    text = path.read_text()

    assert not [each for each in ("$where", "$function", "$accumulator") if each in text]
