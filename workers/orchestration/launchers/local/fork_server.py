"""Starts the engines of this machine at once: a process that has imported their libraries, and forks.

    python -m workers.orchestration.launchers.local.fork_server <var>

It holds no data, no secret and no CUDA context, and reads nothing that is sent to it: it accepts a connection and
forks. The child reads the request, becomes the supervisor of the run and forks the engine. While nobody listens, and
wherever no answer comes, the launcher starts `python -m …` instead.

The libraries are imported after the first request, so that an installation without jobs does not pay for them. They
may start no thread: a lock that another thread holds at the fork would be held in the child for ever.
"""

from __future__ import annotations

import gc
import importlib
import json
import logging
import os
import signal
import socket
import struct
import sys
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

from workers.contract.fork_server import MODULE, fork_server_folder, listen
from workers.contract.liveness import FOLDER as LIVENESS
from workers.contract.liveness import FORK_SERVER
from workers.orchestration.launchers.local.environment import LIBRARIES, ROOT
from workers.orchestration.launchers.local.fresh_process import show_command, take_environment
from workers.orchestration.launchers.local.supervisor import (
    Supervisor,
    fork_engine,
    supervisor_command,
    write_logs,
)

ENGINES = ROOT / "workers" / "engines"
TOUCH_SECONDS = 2.0
REQUEST_SECONDS = 5.0
REQUEST_BYTES = 1 << 20
STARTED = b"started"
SPACE = "-" * 512
"""Room for the command line and the environment that a child shows in /proc."""
KEPT_VARIABLES = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "PYTHONPATH", "LD_LIBRARY_PATH", "KOSHA_STACK")
IMPORTING_NICENESS, NICENESS = "5", "0"

logger = logging.getLogger("fork_server")


def main() -> None:
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    var = Path(sys.argv[1]).resolve()
    if SPACE not in sys.argv:
        start_again(var)
    # Whatever its starter left open, the children must not inherit.
    os.closerange(3, os.sysconf("SC_OPEN_MAX"))
    show_command([sys.executable, "-m", MODULE, str(var)])
    # Children that end leave nothing to collect.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    alive = var / LIVENESS / FORK_SERVER
    with listen(fork_server_folder(var)) as listener:
        connection = accept(listener, alive)
    # Refused at once by a socket that nobody listens at, launchers do not wait for the libraries.
    connection.close()
    import_libraries(alive)
    serve(listen(fork_server_folder(var)), alive)


def start_again(var: Path) -> NoReturn:
    """With an environment that holds no secret, and what libraries read when they are loaded."""
    kept = {name: os.environ[name] for name in KEPT_VARIABLES if name in os.environ}
    environment = {**kept, **LIBRARIES, "PYTHONUNBUFFERED": "1", "KOSHA_SPACE": SPACE * 8}
    os.execve(sys.executable, [sys.executable, "-m", MODULE, str(var), SPACE], environment)  # noqa: S606


def engine_modules() -> list[str]:
    """What an engine imports is imported by the module `engine` of its package."""
    return [f"workers.engines.{file.parent.name}.engine" for file in sorted(ENGINES.glob("*/engine.py"))]


def import_libraries(alive: Path) -> None:
    """Raises RuntimeError where a library has started a thread."""
    _set_session_niceness(IMPORTING_NICENESS)
    for name in engine_modules():
        _touch(alive)
        try:
            engine = importlib.import_module(name)
            # What it imports only when it needs it: its runs are forked, and shall find it there.
            getattr(engine, "preload", lambda: None)()
        except ImportError as error:
            logger.warning("%s is not imported: %s", name, error)
    _set_session_niceness(NICENESS)
    if (threads := len(list(Path("/proc/self/task").iterdir()))) > 1:
        raise RuntimeError(
            f"a library has started threads ({threads - 1}): it must be imported by the engine itself"
        )
    # What is shared with the children is left alone: no search for garbage writes to it.
    gc.collect()
    gc.freeze()
    logger.info("ready to fork engines")


def _set_session_niceness(niceness: str) -> None:
    """Where the kernel groups processes by session."""
    with suppress(OSError):
        Path("/proc/self/autogroup").write_text(niceness)


def serve(listener: socket.socket, alive: Path) -> NoReturn:
    while True:
        connection = accept(listener, alive)
        try:
            if os.fork() == 0:
                listener.close()
                become_supervisor(connection)
        except OSError as error:
            logger.warning("could not fork: %s", error.strerror)
        connection.close()


def accept(listener: socket.socket, alive: Path) -> socket.socket:
    listener.settimeout(TOUCH_SECONDS)
    while True:
        _touch(alive)
        try:
            connection, _address = listener.accept()
        except TimeoutError:
            continue
        return connection


def _touch(alive: Path) -> None:
    # A full disk must not end it.
    with suppress(OSError):
        alive.touch()


# -- in the child ----------------------------------------------------------------------------------
def become_supervisor(connection: socket.socket) -> NoReturn:
    try:
        os.setsid()
        os.chdir(ROOT)
        for number in (signal.SIGCHLD, signal.SIGHUP, signal.SIGQUIT):
            signal.signal(number, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        content = _read(connection)
        if not content:
            # The launcher has ended, or waited too long.
            os._exit(0)
        request = json.loads(content)
        run_dir = Path(request["run_dir"])
        take_environment(request["environment"])
        show_command(supervisor_command(run_dir))
        write_logs(run_dir)
        connection.sendall(STARTED)
        connection.close()
        Supervisor(run_dir, fork_engine).run()
    except BaseException:
        logger.exception("a run was not started")
        os._exit(1)
    os._exit(0)


def _read(connection: socket.socket) -> bytes:
    """To its end. Raises PermissionError for a client of another user, ValueError for one that sends too much."""
    connection.settimeout(REQUEST_SECONDS)
    credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    _pid, uid, _gid = struct.unpack("3i", credentials)
    if uid != os.getuid():
        raise PermissionError("the client belongs to another user")
    content = b""
    while part := connection.recv(1 << 16):
        content += part
        if len(content) > REQUEST_BYTES:
            raise ValueError("the request is too long")
    return content


if __name__ == "__main__":
    main()
