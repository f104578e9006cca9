"""Where folders of rules are planned and published: an API, or (commands.database) the database."""

from typing import Any, Protocol

from app.client import Client
from models.template import Template
from services.folders import Folder

Document = dict[str, Any]

_DIAGNOSTIC = "code severity message hint offset endOffset line column endLine endColumn"
_PLAN = f"""
query ($input: PlanRulesInput!) {{
  planRules(input: $input) {{
    publication valid empty files ended unclaimed templates
    diagnostics {{ file diagnostic {{ {_DIAGNOSTIC} }} }}
    declarations {{ change kind name file movedFrom lines }}
    segments {{ name before after gained lost problem }}
    journeys {{ trigger running ends }}
  }}
}}
"""
_PUBLISHED = """
query {
  publishedRules { publication files { campaignId title name text } }
  templates { channel name subject text html topic }
}
"""
_RELEASED = """
publication campaigns { title livePublication } ended { title } templates { name }
"""


class Server(Protocol):
    """Documents are as the API gives them: see the types of the same names in its schema."""

    def plan(self, folder: Folder) -> Document:
        """Return a RulesPlan."""

    def release(self, folder: Folder, *, publication: int, why: str) -> Document:
        """Return what a ReleaseRulesPayload has. Raises DomainError for what is refused."""

    def published(self) -> Document:
        """Return PublishedRules, and the templates beside them."""


class OverApi:
    """Asks an API, as somebody."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def plan(self, folder: Folder) -> Document:
        """Ask for a plan."""
        plan: Document = self._client.ask(_PLAN, input=_input(folder))["planRules"]
        return plan

    def release(self, folder: Folder, *, publication: int, why: str) -> Document:
        """Have it published."""
        more = {"publication": publication, "reason": why}
        released: Document = self._client.do("releaseRules", _input(folder) | more, _RELEASED)
        return released

    def published(self) -> Document:
        """Ask for what is live."""
        data = self._client.ask(_PUBLISHED)
        return {**data["publishedRules"], "templates": data["templates"]}


def _input(folder: Folder) -> Document:
    return {
        "files": [{"name": file.key, "text": file.text} for file in folder.files],
        "templates": [_template(template) for template in folder.templates],
        "prune": folder.prune,
    }


def _template(template: Template) -> Document:
    return {
        "channel": template.channel.upper(),
        "name": template.name,
        "subject": template.subject,
        "text": template.text,
        "html": template.html,
        "topic": template.topic or None,
    }
