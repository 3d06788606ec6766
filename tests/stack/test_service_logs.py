"""The logs of the services: appended, rotated, and truncated where the disk is full."""

from __future__ import annotations

from pathlib import Path

import pytest

from stack.processes import spawn
from stack.supervisor import rotate

pytestmark = pytest.mark.slow


def test_long_log_is_rotated_while_its_writer_goes_on(tmp_path):
    log = tmp_path / "service.log"
    log.write_bytes(b"x" * 100)
    with open(log, "ab") as writer:
        for generation in range(5):
            rotate(log, limit=50, generations=3)
            writer.write(bytes([ord("a") + generation]) * 60)
            writer.flush()
    assert log.read_bytes() == b"e" * 60
    names = ["service.log", *(f"service.log.{n}" for n in (1, 2, 3))]
    assert [path.name for path in sorted(tmp_path.iterdir())] == names
    assert (tmp_path / "service.log.1").read_bytes() == b"d" * 60


def test_log_is_truncated_without_space_for_its_copy(tmp_path):
    log = tmp_path / "service.log"
    log.write_bytes(b"x" * 100)
    log.with_name("service.log.1").symlink_to("/dev/full")
    rotate(log, limit=50, generations=1)
    assert log.read_bytes() == b""
    assert list(tmp_path.iterdir()) == [log]


def test_output_is_appended_to_the_log(tmp_path):
    log = tmp_path / "logs" / "name.log"
    for word in ("first", "second"):
        assert spawn(["echo", word], log=log, directory=Path("/")).wait() == 0
    assert log.read_text() == "first\nsecond\n"
