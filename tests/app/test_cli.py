import os
import subprocess
import sys

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from app.cli import app

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def fanfare(*arguments, **environment):
    """Run the command as a process, away from our own settings."""
    clean = {key: value for key, value in os.environ.items() if not key.startswith("FANFARE_")}
    return subprocess.run(
        [sys.executable, "-m", "app.cli", *arguments],
        env=clean | environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        cwd=ROOT,
    )


def commands(command=None, path=()):
    """Return the words of every command, groups included."""
    inner = getattr(command or get_command(app), "commands", {})
    return [path, *(each for name in inner for each in commands(inner[name], (*path, name)))]


@pytest.mark.parametrize("path", commands(), ids=" ".join)
def test_every_command_helps_with_an_example(path):
    result = CliRunner().invoke(app, [*path, "--help"])

    assert result.exit_code == 0
    assert "Example: " in result.output
    assert "fanfare " + " ".join(path) in " ".join(result.output.partition("Example:")[2].split())


def test_the_version_is_told():
    assert CliRunner().invoke(app, ["--version"]).output.startswith("fanfare 0")


def test_an_unknown_command_is_a_wrong_call():
    result = fanfare("dance")

    assert result.returncode == 2
    assert "No such command 'dance'" in result.stderr


def test_a_bad_setting_is_named_in_one_line():
    result = fanfare("serve", FANFARE_PORT="many")

    assert result.returncode == 1
    assert result.stderr.startswith("fanfare: FANFARE_PORT: ")
    assert result.stderr.count("\n") == 1


def test_a_missing_secret_is_named_in_one_line():
    result = fanfare("serve")

    assert (result.returncode, result.stderr.count("\n")) == (1, 1)
    assert "FANFARE_SECRET" in result.stderr


def test_an_absent_database_is_told_with_the_way_out():
    result = fanfare("migrate", FANFARE_MONGODB_URI="mongodb://127.0.0.1:1/?connectTimeoutMS=200")

    assert result.returncode == 1
    assert "FANFARE_MONGODB_URI" in result.stderr
    assert result.stderr.count("\n") == 1


def test_an_administrator_is_made(mongodb_uri):
    result = fanfare(
        "admin",
        "create",
        "ann@example.test",
        FANFARE_MONGODB_URI=mongodb_uri,
        FANFARE_DATABASE="test_cli",
        FANFARE_ADMIN_PASSWORD="correct horse battery",
    )

    assert (result.returncode, result.stdout) == (0, "ann@example.test is an administrator\n")


def test_the_command_line_itself_starts_with_nothing_heavy():
    program = "import sys; sys.argv[1:] = ['--version']; import app.cli\n"
    program += "try: app.cli.main()\nfinally: print(*sys.modules)"
    result = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT
    )

    loaded = {name.partition(".")[0] for name in result.stdout.split()}
    assert {"app", "typer"} <= loaded
    ours = {"dsl", "models", "services", "resolvers", "schema", "workers"}
    theirs = {
        "dramatiq",
        "lark",
        "motor",
        "pydantic",
        "pymongo",
        "redis",
        "starlette",
        "strawberry",
    }
    assert loaded.isdisjoint(ours | theirs)
