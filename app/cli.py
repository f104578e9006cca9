"""The command line `fanfare`."""


def main() -> None:
    """Run the command named on the command line."""
