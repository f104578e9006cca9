"""Templates through the API: saved, looked back on, seen before they are sent."""

from models.principal import Role

SAVE = """
mutation ($input: SaveTemplateInput!) {
  saveTemplate(input: $input) { template { version topic } userErrors { code field } }
}
"""
VERSIONS = """query { templateVersions(name: "greet") { version text } }"""
PREVIEW = """
query ($id: ID!, $draft: TemplateDraftInput) {
  templatePreview(name: "greet", userId: $id, data: { total: "12.00" }, draft: $draft) {
    subject text html
  }
}
"""
TEST = """
mutation ($input: SendTestMessageInput!) {
  sendTestMessage(input: $input) { message { status template } userErrors { code } }
}
"""


async def test_versions_are_kept_and_shown(api):
    marketer = await api.caller(Role.MARKETER)
    for text in ("one", "two"):
        given = {"name": "greet", "subject": "Hi", "text": text, "topic": "news"}
        saved = (await api.ask(SAVE, {"input": given}, by=marketer))["saveTemplate"]

    assert saved["template"] == {"version": 2, "topic": "news"}
    assert (await api.ask(VERSIONS, by=marketer))["templateVersions"] == [
        {"version": 2, "text": "two"},
        {"version": 1, "text": "one"},
    ]


async def test_a_saved_template_or_a_draft_is_previewed_for_a_person(api):
    marketer, ann = await api.caller(Role.MARKETER), await api.caller(Role.CUSTOMER, name="Ann")
    given = {"name": "greet", "subject": "Hi", "text": "{{ user.name }}: {{ total }}"}
    await api.ask(SAVE, {"input": given}, by=marketer)
    draft = {"subject": "For {{ user.name }}", "text": "Draft"}

    saved = await api.ask(PREVIEW, {"id": ann.global_id}, by=marketer)
    drafted = await api.ask(PREVIEW, {"id": ann.global_id, "draft": draft}, by=marketer)
    wrong = await api.code(
        PREVIEW, {"id": ann.global_id, "draft": {"text": "{% if %}"}}, by=marketer
    )

    assert saved["templatePreview"] == {"subject": "Hi", "text": "Ann: 12.00", "html": None}
    assert drafted["templatePreview"]["subject"] == "For Ann"
    assert wrong == "INVALID"


async def test_a_test_message_is_on_its_way(api):
    marketer = await api.caller(Role.MARKETER, email="max@example.test")
    await api.ask(SAVE, {"input": {"name": "greet", "subject": "Hi", "text": "Hi"}}, by=marketer)

    sent = (await api.ask(TEST, {"input": {"name": "greet"}}, by=marketer))["sendTestMessage"]
    gone = (await api.ask(TEST, {"input": {"name": "gone"}}, by=marketer))["sendTestMessage"]

    assert sent["message"] == {"status": "PENDING", "template": "greet"}
    assert [error["code"] for error in gone["userErrors"]] == ["NOT_FOUND"]
