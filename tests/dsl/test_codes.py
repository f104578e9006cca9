"""Every code that is used has a meaning, and every meaning is used."""

import re
from pathlib import Path

from dsl.codes import CODES

ROOT = Path(__file__).parents[2]
CODE = re.compile(r'"([EWI]\d{3})"')


def test_the_table_of_codes_is_complete():
    modules = [path for path in (ROOT / "dsl").rglob("*.py") if path.name != "codes.py"]
    modules += (ROOT / "services").rglob("*.py")

    used = {code for path in modules for code in CODE.findall(path.read_text())}

    assert used - {"E260"} == set(CODES) - {"E260"}
