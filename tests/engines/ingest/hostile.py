"""Readers as a hostile file would make of a parser that it has taken over. They run in a sandbox, in place of the real one."""

from __future__ import annotations

import ctypes
import json
import os
import resource
import signal
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

from workers.contract.records import DocumentOrigin, MessagesRecord, Page, Source
from workers.contract.specs.ingest import IngestSpec
from workers.engines.ingest.reading import Description, Output, read

DESCRIPTION = Description(media_type="text/plain", title=None, warnings=())
_libc = ctypes.CDLL(None, use_errno=True)


def _checked(result: int) -> int:
    if result < 0:
        raise OSError(ctypes.get_errno(), "refused")
    return result


def _connect(kind: socket.SocketKind, port: int) -> None:
    with socket.socket(socket.AF_INET, kind) as client:
        client.settimeout(2)
        client.connect(("127.0.0.1", port))
        client.sendall(b"hello")


def _connect_unix(path: str) -> None:
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(path)


def _fork() -> None:
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    os.waitpid(pid, 0)


def _start_thread() -> None:
    thread = threading.Thread(target=int)
    thread.start()
    thread.join()


def _start_program() -> None:
    os.posix_spawn("/bin/true", ["true"], {})


def _other_processes() -> None:
    if not [
        each for each in Path("/proc").iterdir() if each.name.isdigit() and each.name != str(os.getpid())
    ]:
        raise OSError("no other process is seen")


def _other_descriptors() -> None:
    """Beside the three of every program, the file and the way out."""
    for number in range(5, 1024):
        try:
            os.fstat(number)
        except OSError:
            continue
        return
    raise OSError("no other descriptor is open")


def _raise_limit() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))


def _list(path: str | Path) -> list[str]:
    return sorted(each.name for each in Path(path).iterdir())


def _write(path: str) -> None:
    Path(path).write_text("written")


Attempt = Callable[[dict[str, Any]], object]

ATTEMPTS: dict[str, Attempt] = {
    # First: a socket that another attempt has made stays open until it is collected.
    "use a descriptor of the engine": lambda facts: _other_descriptors(),
    "read the machine's users": lambda facts: Path("/etc/passwd").read_bytes(),
    "read a file of another organization": lambda facts: Path(facts["foreign"]).read_bytes(),
    "list the files of another organization": lambda facts: _list(Path(facts["foreign"]).parent),
    "read its own file by its path": lambda facts: Path(facts["blob"]).read_bytes(),
    "read the run's folder": lambda facts: _list(facts["run"]),
    "list the root": lambda facts: facts["names"].index(_list("/")),
    "write into its folder": lambda facts: _write("written"),
    "write into a folder for temporary files": lambda facts: _write(f"{facts['temporary']}/written"),
    "write into the run's folder": lambda facts: _write(f"{facts['run']}/written"),
    "remove a file of another organization": lambda facts: os.unlink(facts["doomed"]),
    "connect by TCP": lambda facts: _connect(socket.SOCK_STREAM, facts["tcp"]),
    "send by UDP": lambda facts: _connect(socket.SOCK_DGRAM, facts["udp"]),
    "connect by a Unix socket": lambda facts: _connect_unix(facts["unix"]),
    "connect by an abstract Unix socket": lambda facts: _connect_unix("\0" + facts["abstract"]),
    "see other processes": lambda facts: _other_processes(),
    "signal another process": lambda facts: os.kill(facts["pid"], 0),
    "kill another process": lambda facts: os.kill(facts["pid"], signal.SIGKILL),
    "lower another process's limit": lambda facts: resource.prlimit(
        facts["pid"], resource.RLIMIT_CORE, (0, 0)
    ),
    "trace another process": lambda facts: _checked(_libc.ptrace(0x4206, facts["pid"], 0, 0)),
    "fork": lambda facts: _fork(),
    "start a thread": lambda facts: _start_thread(),
    "start a program": lambda facts: _start_program(),
    "become root": lambda facts: os.setuid(0),
    "enter a namespace": lambda facts: _checked(_libc.unshare(0x10000000)),
    "raise its limit of memory": lambda facts: _raise_limit(),
}


def attempt_all(file: BinaryIO, spec: IngestSpec, output: Output) -> Description:
    """Put out what succeeded."""
    facts = json.loads(spec.document_id)
    output.page(
        Page(kind="section", number=1, text=json.dumps([name for name in ATTEMPTS if _succeeds(name, facts)]))
    )
    return DESCRIPTION


def _succeeds(name: str, facts: dict[str, Any]) -> bool:
    try:
        ATTEMPTS[name](facts)
    except (OSError, RuntimeError, ValueError):
        return False
    return True


# -- how a reader may end ---------------------------------------------------------------------
def spin(*_: object) -> None:
    while True:
        pass


def sleep(*_: object) -> None:
    time.sleep(600)


def close_the_output_and_sleep(*_: object) -> None:
    os.close(4)
    time.sleep(600)


def eat_memory(*_: object) -> None:
    held = []
    while True:
        held.append(bytearray(16 * 1024**2))


def crash(*_: object) -> None:
    ctypes.string_at(0)


def abort(*_: object) -> None:
    os.abort()


def kill_itself(*_: object) -> None:
    """As the kernel does where others have taken the node's memory."""
    os.kill(os.getpid(), signal.SIGKILL)


def fail(*_: object) -> None:
    raise KeyError("社外秘の文")


def leave(*_: object) -> None:
    os._exit(0)


def send_garbage(file: BinaryIO, spec: IngestSpec, output: Output) -> None:
    os.write(4, b'Page {"kind": "section"}\n')
    time.sleep(600)


def forge_a_source(file: BinaryIO, spec: IngestSpec, output: Output) -> None:
    source = Source(
        document_id="file-other", revision_id="rev-1", document_name="a", kind="section", number=1
    )
    messages = ({"role": "user", "content": "問"}, {"role": "assistant", "content": "答"})
    output.record(MessagesRecord(id="0" * 16, messages=messages, origin=DocumentOrigin(source=source)))


def send_without_end(file: BinaryIO, spec: IngestSpec, output: Output) -> None:
    while True:
        os.write(4, b"x" * 1_000_000)


def report_progress_and_sleep(file: BinaryIO, spec: IngestSpec, output: Output) -> None:
    output.progress(3, 10)
    time.sleep(600)


def print_text(file: BinaryIO, spec: IngestSpec, output: Output) -> Description:
    os.write(2, "社外秘の文\n".encode())
    return DESCRIPTION


def list_descriptors(file: BinaryIO, spec: IngestSpec, output: Output) -> Description:
    """Put out the numbers of the open ones."""
    found = []
    for number in range(1024):
        try:
            os.fstat(number)
        except OSError:
            continue
        found.append(number)
    output.page(Page(kind="section", number=1, text=json.dumps(found)))
    return DESCRIPTION


def as_the_file_says(file: BinaryIO, spec: IngestSpec, output: Output) -> object:
    """By the reader here that its text names; else by the real one."""
    named = globals().get(file.read(40).decode("ascii", "replace"))
    file.seek(0)
    return (named if callable(named) else read)(file, spec, output)
