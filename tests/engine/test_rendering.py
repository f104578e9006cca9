"""Templates: what they say, and that none takes more than it may."""

import resource

import pytest

from engine.bounds import LONGEST
from engine.rendering import TemplateError, check, render
from models.template import Template


def template(text: str, html: str | None = None) -> Template:
    return Template(
        channel="email", name="x", subject="Hello {{ user.name }}", text=text, html=html
    )


def test_every_part_is_filled_in_and_html_is_escaped():
    said = render(
        template("{{ items | size }} for {{ user.name }}", "<b>{{ user.name }}</b>"),
        {"user": {"name": "Ann <Q>\nBcc: x"}, "items": [1, 2]},
    )

    assert said.subject == "Hello Ann <Q> Bcc: x"
    assert said.text == "2 for Ann <Q>\nBcc: x"
    assert said.html == "<b>Ann &lt;Q&gt;\nBcc: x</b>"


def test_what_nobody_gives_is_empty():
    assert render(template("[{{ nothing.at.all }}]"), {}).text == "[]"


def test_a_value_can_be_written_as_json():
    assert render(template("{{ x | json }}"), {"x": {"a": ['"']}}).text == '{"a": ["\\""]}'


HOSTILE = [
    "{% for a in (1..9999) %}{% for b in (1..9999) %}x{% endfor %}{% endfor %}",
    "{% for a in (1..9999) %}{% assign s = a | times: 3 | plus: 1 | minus: a %}{% endfor %}" * 50,
    "{% assign s = 'abcdefgh' %}{% for a in (1..60) %}{% assign s = s | append: s %}{% endfor %}",
    "{% capture s %}{% for a in (1..9000) %}aaaaaaaaaa{% endfor %}{% endcapture %}"
    "{{ s | replace: 'a', s }}",
    "{{ (1..999999999) | join: 'x' }}",
    "{% assign s = 99999999999 %}{% for a in (1..60) %}{% assign s = s | times: s %}{% endfor %}",
    "{% capture s %}{% for a in (1..9000) %}{{ a }},{% endfor %}{% endcapture %}"
    "{% assign l = s | split: ',' | uniq %}{{ l | size }}",
    "{% assign l = 'a,b' | split: ',' %}{% for a in (1..9000) %}{% assign l = l | concat: l %}"
    "{% endfor %}",
    "{% for a in (1..10000) %}" + "x" * 100 + "{% endfor %}",
    "{{ 'x' | nosuchfilter }}",
]


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_a_template_that_wants_too_much_is_stopped_in_time(text):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    # Left alone, most of these would go on for hours.
    with pytest.raises(TemplateError):
        render(template(text), {})

    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 64 * 1024


def test_a_template_that_is_too_long_is_refused():
    with pytest.raises(TemplateError, match="longer"):
        check(template("x" * (LONGEST + 1)))


def test_a_template_has_no_way_into_python():
    said = render(
        template("[{{ user.__class__ }}{{ user.name.__class__.__mro__ }}{{ x.keys }}]"),
        {"user": {"name": "Ann"}, "x": {"a": 1}},
    )

    assert said.text == "[]"
