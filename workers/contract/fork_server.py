"""Where the fork server of an installation listens, and how a process of any path length reaches it."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

MODULE = "workers.orchestration.launchers.local.fork_server"
FOLDER = "fork-server"
"""Below `KOSHA_VAR`; only its owner may enter."""
SOCKET, DRAFT = "socket", "socket.new"
MEMORY_BYTES = 512 << 20
"""What its libraries take, about. The processes it forks share them."""


def fork_server_folder(var: Path) -> Path:
    return var / FOLDER


@contextmanager
def address_in(folder: Path, name: str = SOCKET) -> Iterator[str]:
    """The socket's address: a Unix address has room for 107 bytes, and `var` may lie anywhere."""
    descriptor = os.open(folder, os.O_PATH | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{descriptor}/{name}"
    finally:
        os.close(descriptor)


def listen(folder: Path) -> socket.socket:
    """Take the place of whatever listened there before. Who finds the socket is heard."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.chmod(0o700)
    (folder / DRAFT).unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    with address_in(folder, DRAFT) as address:
        listener.bind(address)
    listener.listen(64)
    (folder / DRAFT).replace(folder / SOCKET)
    return listener


def connect(folder: Path, seconds: float) -> socket.socket:
    """Raises OSError where nobody listens."""
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connection.settimeout(seconds)
    try:
        with address_in(folder) as address:
            connection.connect(address)
    except OSError:
        connection.close()
        raise
    return connection
