"""Which lanes a process goes on with."""

from services.rung import Rung


def test_a_lane_that_is_rung_for_again_and_again_keeps_no_other_waiting():
    rung = Rung()
    rung.add(range(64))

    taken = []
    for _ in range(4):
        now = rung.take()
        rung.busy.difference_update(now)
        rung.add(now)  # rung for once more while others wait
        taken += now

    assert sorted(taken) == list(range(64))


def test_a_lane_that_is_at_work_keeps_its_place_until_it_is_free():
    rung = Rung()
    rung.add([5])
    assert rung.take() == [5]
    rung.add([5, 9])

    assert rung.take() == [9]
    rung.busy.discard(5)
    assert rung.take() == [5]
