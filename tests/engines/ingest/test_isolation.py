"""Parsers run in sandboxes: what a hostile one can do, how it may end, and that the next file is read all the same.

Each promise is kept by every kind of sandbox that this machine offers.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any, get_args

import pytest

from tests.engines.conftest import REPOSITORY
from tests.engines.ingest import documents, hostile, opendocument_files, pdf_drawings, pdf_files
from tests.engines.ingest.ole2_files import ole2
from workers.contract.records import Page
from workers.contract.run_folder import RUN_DIR_VARIABLE
from workers.contract.specs.ingest import IngestSpec
from workers.contract.specs.run import RunConfig
from workers.engines.ingest import old_office, reading
from workers.engines.ingest.isolation import read_in_sandbox
from workers.engines.ingest.reading import Output
from workers.engines.ingest.sandbox import code_folders, confinement, process
from workers.engines.ingest.sandbox.landlock import landlock_version
from workers.engines.ingest.sandbox.messages import Ready
from workers.engines.ingest.sandbox.task import READER, View
from workers.engines.shared.runtime import EngineFault, Run, RunStopped, UserError
from workers.orchestration.launchers.local.processes import processes_of_runs

pytestmark = pytest.mark.slow

KINDS = ("namespaces", "bubblewrap", "landlock", "landlock as the same user", "system_calls")
HERE = REPOSITORY / "tests" / "engines" / "ingest"
GOOD = "本文です。".encode()


class Read(list):
    """Reads a file in one kind of sandbox, or in the strongest; the pages are in the list."""

    def __init__(self, run, kind: str | None = None) -> None:
        self._run = run
        self._views = get_args(View) if kind is None else [kind if kind in get_args(View) else "whole"]

    def __call__(self, spec: IngestSpec, reader: str | None = None) -> str:
        self.clear()
        name = f"tests.engines.ingest.hostile:{reader}" if reader else READER
        output = Output(lambda done, total: None, self.append, self.append)
        return read_in_sandbox(self._run, spec, output, views=self._views, reader=name, folders=[HERE])[1]


@cache
def _refused(kind: str) -> str | None:
    """Why this machine has no sandbox of the kind; None where it has."""
    if kind.startswith("landlock") and not landlock_version():
        return "the kernel has no Landlock"
    with tempfile.TemporaryDirectory() as folder:
        blob = Path(folder) / "blob"
        blob.write_bytes(GOOD)
        config = RunConfig(job_id="j", kind="test", fence=1, attempt=1, run_dir=Path(folder) / "run", spec={})
        run = Run(config)
        try:
            Read(run, kind)(IngestSpec(document_id="d", revision_id="r", name="a.txt", path=blob))
        except EngineFault as error:
            assert error.code == "system.no_sandbox"
            return str(_last_event(run)["data"]["unavailable"])
    return None


@pytest.fixture(params=KINDS)
def read(request, run, monkeypatch) -> Read:
    if request.param == "system_calls":
        monkeypatch.setattr(confinement, "landlock_version", lambda: 0)
        monkeypatch.setattr(confinement, "allow_reading_only", lambda folders: False)
    if request.param == "landlock as the same user":
        monkeypatch.setattr(os, "geteuid", lambda: 1000)
    if (reason := _refused(request.param)) is not None:
        pytest.skip(f"not on this machine: {request.param}: {reason}")
    return Read(run, request.param)


def _last_event(run) -> dict[str, Any]:
    return json.loads(_events(run.directory)[-1])


def _events(folder: Path) -> list[str]:
    return (folder / "events.jsonl").read_text().splitlines()


@pytest.fixture
def facts(tmp_path) -> Iterator[dict[str, Any]]:
    """Things that a hostile parser would like to reach: all of them exist, and answer."""
    foreign, doomed = tmp_path / "other" / "blob", tmp_path / "other" / "doomed"
    foreign.parent.mkdir(mode=0o777)
    foreign.write_text("another organization's")
    doomed.write_text("another organization's")
    with (
        socket.create_server(("127.0.0.1", 0)) as tcp,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp,
        socket.socket(socket.AF_UNIX) as unix,
        socket.socket(socket.AF_UNIX) as abstract,
        subprocess.Popen(["sleep", "600"]) as other,
    ):
        udp.bind(("127.0.0.1", 0))
        unix.bind(str(tmp_path / "s"))
        abstract.bind(f"\0kosha-{other.pid}")
        unix.listen()
        abstract.listen()
        yield {
            "foreign": str(foreign),
            "doomed": str(doomed),
            "blob": str(tmp_path / "blob"),
            "run": str(tmp_path / "run"),
            "temporary": str(tmp_path),
            "names": [sorted(path.name for path in Path("/").iterdir())],
            "tcp": tcp.getsockname()[1],
            "udp": udp.getsockname()[1],
            "unix": str(tmp_path / "s"),
            "abstract": f"kosha-{other.pid}",
            "pid": other.pid,
        }
        other.kill()


def _succeeded(read: Read, spec_for: Callable[..., IngestSpec], facts: dict[str, Any]) -> set[str]:
    spec = spec_for("a.txt", GOOD).model_copy(update={"document_id": json.dumps(facts)})
    read(spec, "attempt_all")
    return set(json.loads(read[0].text))


def test_a_hostile_parser_reaches_nothing(read, spec_for, facts):
    assert _succeeded(read, spec_for, facts) == set()
    assert Path(facts["doomed"]).exists()


def test_without_a_sandbox_it_would_reach_everything(run, spec_for, facts, monkeypatch):
    """The attempts above are real ones."""
    nothing = Ready(isolation="limits", uid=0, landlock=False, seccomp=False)
    monkeypatch.setattr(process, "confine", lambda task: nothing)
    monkeypatch.chdir(facts["temporary"])
    monkeypatch.setattr(os, "closerange", lambda first, last: None)
    left = set(hostile.ATTEMPTS) - _succeeded(Read(run, "whole"), spec_for, facts)
    assert left <= {"become root", "trace another process", "enter a namespace"}, (
        "what an ordinary user may not do"
    )


ENDS = [
    ("spin", {"parse_seconds": 0.5}, "user.parse_timeout"),
    ("eat_memory", {"parse_memory_bytes": 256 * 1024**2}, "user.parse_out_of_memory"),
    ("crash", {}, "user.damaged_file"),
]
OTHER_ENDS = [
    ("abort", {}, "user.parse_out_of_memory"),
    ("kill_itself", {}, "system.parser_killed"),
    ("fail", {}, "system.parser_failed"),
    ("leave", {}, "system.parser_failed"),
    ("sleep", {"parse_seconds": 0.5}, "user.parse_timeout"),
    ("close_the_output_and_sleep", {"parse_seconds": 0.5}, "user.parse_timeout"),
    ("send_garbage", {}, "system.parser_failed"),
    ("forge_a_source", {}, "system.parser_failed"),
    ("send_without_end", {"max_expanded_bytes": 1_000_000}, "user.archive_too_large"),
]


def test_the_file_that_ends_a_sandbox_has_its_code_and_the_next_one_is_read(read, spec_for):
    for reader, limits, code in ENDS:
        assert (reader, _code(read, spec_for("a.txt", GOOD, **limits), reader)) == (reader, code)
        read(spec_for("a.txt", GOOD))
        assert [page.text for page in read] == ["本文です。"]


@pytest.mark.parametrize(("reader", "limits", "code"), OTHER_ENDS, ids=[end[0] for end in OTHER_ENDS])
def test_each_end_of_a_sandbox_has_its_code(run, spec_for, reader, limits, code):
    assert _code(Read(run), spec_for("a.txt", GOOD, **limits), reader) == code


def _code(read: Read, spec: IngestSpec, reader: str) -> str:
    with pytest.raises((UserError, EngineFault)) as caught:
        read(spec, reader)
    return caught.value.code


FILES = {
    "a.pdf": documents.pdf([["本文です。"]]),
    "b.pdf": pdf_drawings.drawn(pdf_drawings.of_everything),
    "form.pdf": pdf_files.pdf_of(("", [pdf_files.field("Tx", (60, 700, 200, 720), "/V (KP-210)")])),
    "a.docx": documents.word(lambda document: document.add_paragraph("本文です。")),
    "a.xlsx": documents.workbook({"表": [["品名", "価格"], ["ねじ", 100]]}),
    "a.pptx": documents.slides(["本文です。"]),
    "a.odt": opendocument_files.opendocument("text", opendocument_files.p("本文。")),
    "a.ods": opendocument_files.opendocument(
        "spreadsheet", opendocument_files.table(opendocument_files.row("ねじ", "1"))
    ),
    "a.odp": opendocument_files.opendocument(
        "presentation", f"<draw:page><draw:frame>{opendocument_files.p('本文。')}</draw:frame></draw:page>"
    ),
    "a.eml": b"Subject: =?iso-2022-jp?B?GyRCLSEbKEI=?=\nDate: Mon, 30 Nov 2026 09:05:00 +0900\nContent-Type: multipart/mixed; "
    b"boundary=B\n\n--B\nContent-Type: text/html; charset=utf-8\nContent-Transfer-Encoding: quoted-printable\n\n<p>=E6=9C=AC</p>\n--B\n"
    b"Content-Type: application/octet-stream; name*=utf-8''%E6%9C%AC.csv\nContent-Transfer-Encoding: base64\n\nYSxiCg==\n--B--\n",
    "a.msg": ole2(
        {"__properties_version1.0": bytes(32), "__substg1.0_1000001F": "本文。".encode("utf-16-le")}
    ),
    "a.rtf": rb"{\rtf1\ansi\ansicpg932 \'96\'7b}",
    "a.html": "<html><meta charset='x-sjis'><body><p>本文です。①</p></body></html>".encode("cp932"),
    "b.html": "<html><meta charset='koi8-r'><body><p>текст</p></body></html>".encode("koi8-r"),
    "a.txt": ("本文です。" * 20).encode("euc_jp"),
    "a.md": "# 見出し\n\n本文です。".encode(),
    "a.csv": "品名,価格\nねじ,100\n".encode("cp932"),
    "b.csv": b"\x1b$BIJL>\x1b(B,\x1b$B2A3J\x1b(B\n\x1b$B$M$8-!\x1b(B,100\n",
    "a.tsv": "品名\t価格\nねじ\t100\n".encode("utf-16-le"),
}


def test_every_format_is_read_as_without_a_sandbox(read, spec_for):
    for name, content in FILES.items():
        pages: list[Page] = []
        spec = spec_for(name, content)
        with open(spec.path, "rb") as file:
            reading.read(file, spec, Output(lambda done, total: None, pages.append, pages.append))
        read(spec)
        assert (name, list(read)) == (name, pages)


def test_an_old_workbook_is_read_where_it_is_not_converted(read, spec_for, monkeypatch):
    monkeypatch.setattr(old_office, "office_program", lambda: None)
    read(spec_for("a.xls", (HERE / "files" / "prices.xls").read_bytes()))
    assert [page.label for page in read] == ["価格"]


def test_the_job_says_how_it_was_isolated_and_why_not_better(run, spec_for, monkeypatch):
    def refused(folders, place):
        raise PermissionError(1, "unshare: Operation not permitted")

    monkeypatch.setattr(process, "enter_namespaces", refused)
    monkeypatch.setattr("shutil.which", lambda name: None)
    output = Output(lambda done, total: None, lambda page: None, lambda record: None)
    _, kind = read_in_sandbox(run, spec_for("a.txt", GOOD), output)
    event = _last_event(run)
    assert kind == event["data"]["sandbox"]["isolation"]
    assert "Operation not permitted" in event["data"]["unavailable"]["namespaces"]
    assert "not installed" in event["data"]["unavailable"]["bubblewrap"]


def test_a_folder_of_code_that_holds_data_is_not_shown(tmp_path, monkeypatch):
    blob = tmp_path / "storage" / "blob"
    monkeypatch.setattr(code_folders, "_SHARED_LIBRARIES", (str(tmp_path), str(tmp_path / "other")))
    (tmp_path / "other").mkdir()
    shown = code_folders.code_folders(data=[blob])
    assert tmp_path not in shown and tmp_path / "other" in shown


def test_no_sandbox_at_all_is_an_error(run, spec_for, monkeypatch):
    def refused(task):
        raise OSError(1, "refused")

    monkeypatch.setattr(process, "confine", refused)
    output = Output(lambda done, total: None, lambda page: None, lambda record: None)
    with pytest.raises(EngineFault) as caught:
        read_in_sandbox(run, spec_for("a.txt", GOOD), output, views=["whole"])
    assert caught.value.code == "system.no_sandbox"


def test_what_a_parser_prints_or_raises_puts_no_text_into_the_log(run, spec_for, capfd):
    read = Read(run)
    read(spec_for("a.txt", GOOD), "print_text")
    with pytest.raises(EngineFault):
        read(spec_for("a.txt", GOOD), "fail")
    logged = capfd.readouterr().err
    assert "KeyError" in logged and "hostile.py" in logged
    assert "社外秘" not in logged


ENGINE = """
import sys
from pathlib import Path
from workers.contract.specs.ingest import IngestSpec
from workers.contract.specs.run import RunConfig
from workers.engines.ingest import engine, isolation
from workers.engines.shared.runtime import Run

folder, tests, reader = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
for number in range(3):
    run = Run(RunConfig(job_id="j", kind="ingest", fence=1, attempt=1, run_dir=folder / str(number), spec={}))
    spec = IngestSpec(document_id="d", revision_id="r", name="a.txt", path=folder / "blob")
    if reader:
        isolation.read_in_sandbox(run, spec, None, reader=reader, folders=[tests])
    print(engine.read_file(run, spec).characters, flush=True)
"""


@pytest.fixture
def start(tmp_path) -> Iterator[Callable[[str], subprocess.Popen[bytes]]]:
    """An engine process that reads three files, one after another."""
    (tmp_path / "blob").write_bytes(GOOD)
    started = []

    def start(reader: str = "") -> subprocess.Popen[bytes]:
        command = [sys.executable, "-c", ENGINE, str(tmp_path), str(HERE), reader]
        environment = {"PATH": os.environ["PATH"], RUN_DIR_VARIABLE: str(tmp_path)}
        started.append(
            subprocess.Popen(command, cwd=REPOSITORY, env=environment, stdout=subprocess.PIPE, text=True)
        )
        return started[-1]

    yield start
    for engine in started:
        engine.kill()
        engine.communicate()


def _processes(folder: Path) -> list[int]:
    return [pid for pid, _ in processes_of_runs(folder)]


@pytest.mark.slow
def test_one_engine_reads_many_files_one_after_another(start):
    engine = start()
    assert engine.communicate(timeout=60)[0].split() == ["5", "5", "5"]


@pytest.mark.slow
def test_a_sandbox_is_found_with_its_run_and_ends_with_its_engine(start, tmp_path):
    engine = start("tests.engines.ingest.hostile:sleep")
    until(lambda: (tmp_path / "0" / "events.jsonl").exists() and _events(tmp_path / "0"))
    assert len(_processes(tmp_path)) > 1, "the engine and its sandbox"
    engine.kill()
    engine.wait()
    until(lambda: not _processes(tmp_path))


def until(holds: Callable[[], object]) -> None:
    deadline = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_stop_request_ends_the_sandbox(run, spec_for):
    threading.Timer(0.3, run.request_stop).start()
    begun = time.monotonic()
    with pytest.raises(RunStopped):
        Read(run)(spec_for("a.txt", GOOD), "sleep")
    assert time.monotonic() - begun < 20, "the reader would have slept for ten minutes"
