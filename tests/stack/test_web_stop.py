"""The web process, told to end while a request is being received: soon, and without an answer that lies."""

from __future__ import annotations

import os
import signal
import socket
import time
from pathlib import Path

import pytest

from config.env import Environment
from stack.composition import Stack
from stack.processes import free_port, kill_groups, spawn
from stack.watch import Watch

pytestmark = [pytest.mark.services, pytest.mark.timeout(120)]

HALF_A_REQUEST = (
    b"POST /v1/files HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: multipart/form-data; boundary=x\r\n"
    b"Content-Length: 1000000\r\n\r\n--x\r\n" + b"x" * 1000
)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_web_ends_while_an_upload_is_under_way(repository: Path, tmp_path: Path, number: int):
    (tmp_path / "uploads").mkdir()
    web = Stack(Environment(var=tmp_path, port=free_port()), say=print)._web()
    environment = {**(web.environment or {}), "DATABASE_URL": os.environ["DATABASE_URL"]}
    process = spawn(web.command(), log=tmp_path / "log", environment=environment, directory=repository)
    try:
        watch = Watch(web.is_ready, web.probes())
        deadline = time.monotonic() + 60
        while watch.ready_since is None:
            assert process.poll() is None and time.monotonic() < deadline, (tmp_path / "log").read_text()
            time.sleep(0.05)  # between looks at another process, not instead of one
        watch.close()
        port = int(web.command()[web.command().index("--port") + 1])
        with socket.create_connection(("127.0.0.1", port), timeout=20) as client:
            client.sendall(HALF_A_REQUEST)
            # The process has taken the connection up when it answers the next one.
            assert web.is_ready()
            told = time.monotonic()
            process.send_signal(number)
            assert not client.recv(100).startswith(b"HTTP/1.1 2")
        process.wait(15)
        assert time.monotonic() - told < 15
        assert list((tmp_path / "uploads").iterdir()) == []
    finally:
        kill_groups([process])
