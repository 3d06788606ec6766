"""Files are replaced atomically, and no temporary file remains."""

from __future__ import annotations

import errno
import json
import os

import pytest

from workers.contract.atomic_files import PRIVATE, write_json, write_whole


def test_replaces_a_file_as_a_whole(tmp_path):
    path = tmp_path / "facts.json"
    write_json(path, {"社": 1})
    write_json(path, {"社": 2})
    assert json.loads(path.read_text()) == {"社": 2}
    assert list(tmp_path.iterdir()) == [path]


def test_interrupted_write_leaves_the_file_as_it_was(tmp_path):
    path = tmp_path / "facts"
    write_whole(path, [b"before"])

    def pieces():
        yield b"half"
        assert (tmp_path / "facts.tmp").exists()
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with pytest.raises(OSError, match="No space"):
        write_whole(path, pieces())
    assert path.read_bytes() == b"before"
    assert list(tmp_path.iterdir()) == [path]


def test_private_file_is_readable_by_its_owner_only(tmp_path):
    write_json(tmp_path / "ports.json", {}, mode=PRIVATE)
    assert (tmp_path / "ports.json").stat().st_mode & 0o777 == 0o600
