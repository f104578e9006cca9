"""What others cost us, as the tests that judge times allow for it."""

import subprocess
import sys

import pytest

from tests import machine
from tests.machine import Machine


def test_what_was_waited_for_others_is_how_much_slower_it_was():
    seen = Machine()
    seen.note(ran=1.0, waited=0.5)
    seen.note(ran=1.0, waited=1.5)

    assert seen.slower == 2
    assert seen.worst == 2.5


def test_of_a_second_in_which_we_did_nothing_nothing_can_be_said():
    seen = Machine()
    seen.note(ran=0.001, waited=3.0)

    assert seen.worst == 1
    assert Machine().slower == 1


@pytest.mark.skipif(sys.platform != "linux", reason="it is Linux that says so")
def test_children_are_ours_and_whoever_started_us_is_not():
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        ours = machine.threads()
        child.communicate(b"\n")

    assert child.pid in ours
    assert 1 not in ours
    assert machine.busy() > 0
