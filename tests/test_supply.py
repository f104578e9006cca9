"""What is installed: pinned, none older than the first one without known holes, and listed."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from packaging.version import Version

ROOT = Path(__file__).parent.parent
LOCKS = ROOT / "locks"
_PIN = re.compile(r"^([a-z0-9-]+)==([^ ;\\]+)", re.MULTILINE)
# Below these there are ways to stop or to fool the API that are known to all.
FLOORS = {
    "strawberry-graphql": "0.312.3",
    "graphql-core": "3.3.2",
    "starlette": "1.3.1",
    "pyjwt": "2.15.0",
}


def pinned(lock: str) -> set[tuple[str, str]]:
    """Return the names and versions in a lock."""
    return set(_PIN.findall((LOCKS / lock).read_text()))


@pytest.mark.parametrize("lock", ["run.txt", "dev.txt", "bench.txt"])
def test_nothing_is_pinned_below_its_floor(lock):
    pins = dict(pinned(lock))

    for name, floor in FLOORS.items():
        assert Version(pins[name]) >= Version(floor)


def test_the_bill_of_materials_lists_all_that_a_deployment_installs(tmp_path):
    """`make sbom` makes it so, and looks besides whether it is valid CycloneDX."""
    made = tmp_path / "sbom.json"
    command = ["-m", "cyclonedx_py", "requirements", LOCKS / "run.txt"]
    subprocess.run(
        [sys.executable, *command, "--no-validate", "--output-reproducible", "--output-file", made],
        check=True,
        capture_output=True,
    )

    found = json.loads(made.read_text())
    assert found["bomFormat"] == "CycloneDX"
    assert {(each["name"], each["version"]) for each in found["components"]} == pinned("run.txt")
    hashes = {
        each["content"]
        for component in found["components"]
        for reference in component["externalReferences"]
        for each in reference["hashes"]
    }
    assert hashes == set(re.findall(r"sha256:(\w+)", (LOCKS / "run.txt").read_text()))
