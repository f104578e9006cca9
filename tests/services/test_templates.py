"""Templates: versions that never change, held against the rules that send them."""

import asyncio

import pytest

import dsl
from models.errors import Invalid, RateLimited
from models.principal import Principal, Role
from models.template import Template
from services import previews, templates
from services.publications import RulesRefused
from tests.shop import NOW, event

EVENT = "event cart_updated { total: money USD  items: list of { sku: text } }\n"
SEND = 'trigger t { on cart_updated then { send email "greet" with { %s } } }'
GIVES = EVENT + SEND % "total: event.total, items: event.items"


async def test_every_save_is_a_version_and_none_ever_changes(shop):
    for text in ("one", "two", "three"):
        await shop.template("greet", text=text)

    versions = await shop.stores.templates.versions("email", "greet", limit=10)
    assert [(each.version, each.text) for each in versions] == [
        (3, "three"),
        (2, "two"),
        (1, "one"),
    ]
    assert [each.text for each in await shop.stores.templates.all()] == ["three"]


async def test_of_those_who_save_at_once_all_are_kept(shop):
    await asyncio.gather(*(shop.template("greet", text=f"text {n}") for n in range(4)))

    versions = await shop.stores.templates.versions("email", "greet", limit=10)
    assert [each.version for each in versions] == [4, 3, 2, 1]
    assert {each.text for each in versions} == {f"text {n}" for n in range(4)}


async def test_what_is_wrong_with_a_template_is_said_once_however_many_steps_send_it():
    send = 'send email "greet" with { total: event.total } '
    twice = EVENT + "trigger t { on cart_updated then { " + send * 2 + "} }"
    program = dsl.check([dsl.SourceFile("r", twice)]).program

    with pytest.raises(Invalid) as refused:
        templates.check_against(
            Template(channel="email", name="greet", subject="Hi", text="{{ totl }}"), program
        )

    assert refused.value.message.count("did you mean `total`?") == 1


async def test_a_message_says_what_its_template_said_last_and_notes_the_version(shop, smtp):
    await shop.template("greet", text="one")
    await shop.publish(GIVES)
    await shop.person()
    await shop.tell(event("cart_updated", "c1", total="1", items=[]))
    await shop.template("greet", text="two")

    await shop.work()

    assert smtp.messages[0].get_content().strip() == "two"
    (effect,) = await shop.effects()
    assert effect["template_version"] == 2


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{{ totl }}", "(text, line 1) uses `totl`, but this `send` does not give it; did you"),
        ("\n{{ user.nam }}", "(text, line 2) uses `user.nam`, but there is no `nam` in it"),
        ("{% if event.total %}{% endif %}", "`event.total`, but this `send` does not give it"),
        ("{{ items.sku }}", "a list has no `sku`"),
        ("{{ items.first.skus }}", "there is no `skus` in it; did you mean `sku`?"),
        ("{{ user.consent.fax }}", "there is no `fax` in it"),
    ],
)
async def test_a_template_that_uses_what_it_is_not_given_is_told_where(shop, text, says):
    await shop.template("greet", text=text)

    with pytest.raises(RulesRefused) as refused:
        await shop.publish(GIVES)

    (found,) = refused.value.diagnostics
    assert found.code == "E292"
    assert "email template 'greet'" in found.message
    assert says in found.message
    assert found.span.line == 2


@pytest.mark.parametrize(
    "text",
    [
        "{{ user.name }} {{ user.consent.email }} {{ total }} {{ items.size }}",
        "{% for item in items limit: 3 %}{{ item.sku }} {{ forloop.index }}{% endfor %}",
        "{% assign x = total %}{{ x }} {{ items[0].sku }} {{ unsubscribe_url }}",
        "{{ 'now' | date: '%Y' }} {{ items.first.sku }}",
    ],
)
async def test_a_template_that_uses_what_it_is_given_is_fine(shop, text):
    await shop.template("greet", text=text)

    await shop.publish(GIVES)


async def test_a_template_is_not_changed_into_one_that_live_rules_cannot_fill(shop):
    await shop.template("greet")
    await shop.publish(GIVES)
    program = (await shop.rulebook.current()).program
    changed = Template(channel="email", name="greet", subject="Hi", text="{{ coupon }}")

    with pytest.raises(Invalid, match="`coupon`"):
        templates.check_against(changed, program)


async def test_a_preview_shows_what_a_person_would_read(shop):
    await shop.person(name="Ann <Q>")
    draft = Template(
        channel="email",
        name="greet",
        subject="For {{ user.name }}",
        text="{{ total }}",
        html="<b>{{ user.name }}</b>",
    )

    said = await previews.preview(
        draft, user_id="ann", data={"total": "12.00"}, stores=shop.stores, rulebook=shop.rulebook
    )

    assert (said.subject, said.text) == ("For Ann <Q>", "12.00")
    assert said.html == "<b>Ann &lt;Q&gt;</b>"


async def test_a_template_is_tried_out_in_ones_own_mailbox(shop, smtp):
    await shop.template("greet", text="{{ total }} for {{ user.name }}")
    await shop.person(roles=frozenset({Role.MARKETER}))

    effect = await try_out(shop, {"total": "1.00"})
    await shop.deliver()

    (mail,) = smtp.messages
    assert mail["To"] == "ann <ann@example.test>"
    assert mail.get_content().strip() == "1.00 for ann"
    assert (await shop.stores.effects.find(effect.id)).state == "sent"


async def test_nobody_tries_out_without_end(shop):
    await shop.template("greet")
    await shop.person()
    for _ in range(previews.TESTS):
        await try_out(shop, {})

    with pytest.raises(RateLimited):
        await try_out(shop, {})


async def try_out(shop, data: dict):
    return await previews.send_test(
        "email",
        "greet",
        data=data,
        caller=Principal(user_id="ann", roles=frozenset({Role.MARKETER}), session_id="s"),
        stores=shop.stores,
        rulebook=shop.rulebook,
        jobs=shop.bells,
        clock=shop.clock,
    )


async def test_parts_that_a_channel_has_not_are_refused(shop):
    for wrong in (
        Template(channel="sms", name="x", subject="Hi", text="Hi"),
        Template(channel="sms", name="x", subject="", text="Hi", html="<p>"),
        Template(channel="push", name="x", subject="", text="Hi"),
        Template(channel="webhook", name="x", subject="{{ user.name }}", text="{}"),
        Template(channel="email", name="x", subject="Hi", text="Hi", topic="a topic"),
    ):
        with pytest.raises(Invalid):
            await templates.save(wrong, stores=shop.stores, now=NOW, by=None)


async def test_letters_know_the_codes_that_were_granted_before(shop):
    rules = EVENT + (
        "promotion welcome { codes unique  take 10% off cart }\n"
        'trigger t { on cart_updated then { grant welcome for 7 days  send email "greet" } }'
    )
    await shop.template("greet", text="{{ codes.welcom }}")
    with pytest.raises(RulesRefused) as refused:
        await shop.publish(rules)
    assert "did you mean `welcome`?" in refused.value.diagnostics[0].message

    await shop.template("greet", text="{{ codes.welcome }}")
    await shop.publish(rules)
