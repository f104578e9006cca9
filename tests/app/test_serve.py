"""The API's process and its address."""

import os
import socket
import subprocess
import sys


def test_an_address_that_is_taken_is_said_and_ends_the_process():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        given = {"FANFARE_PORT": str(taken.getsockname()[1]), "FANFARE_SECRET": "s" * 32}

        ended = subprocess.run(
            [sys.executable, "-m", "app.cli", "serve"],
            env=os.environ | given,
            capture_output=True,
            text=True,
            check=False,
        )

    assert ended.returncode != 0
    assert "address already in use" in ended.stderr.lower()
