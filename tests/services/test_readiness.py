"""What cannot be carried out is refused before it goes live."""

import pytest

from services.publications import RulesRefused

EVENT = "event cart_updated { total: money USD }  segment s { user.points > 3 }\n"


@pytest.mark.parametrize(
    ("trigger", "code", "says"),
    [
        ('on cart_updated then { send fax "x" }', "E290", "no channel 'fax'"),
        ('on cart_updated then { call "crm" }', "E291", "no webhook 'crm'"),
        ('on cart_updated then { if event.total > 1 USD { send email "x" } }', "E291", "'x'"),
    ],
)
async def test_what_cannot_run_is_refused_with_its_place(shop, trigger, code, says):
    with pytest.raises(RulesRefused) as refused:
        await shop.publish(EVENT + "trigger t { " + trigger + " }")

    found = next(d for d in refused.value.diagnostics if d.code == code)
    assert says in found.message
    assert found.span.line == 2
