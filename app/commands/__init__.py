"""Commands that need more than a line of app/cli.py."""
