"""The golden files are rewritten only where text, order, drops and reasons stay as they are."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.engines.curation.rewrite_golden import GOLDEN, UNCHANGED, rewrite


@pytest.fixture
def folders(tmp_path):
    """A copy of the golden files, and one that stands for a new output."""
    golden, made = tmp_path / "golden", tmp_path / "made"
    for folder in (golden, made):
        folder.mkdir()
        for name in UNCHANGED:
            (folder / name).write_bytes((GOLDEN / name).read_bytes())
    return golden, made


def edit(path: Path, **fields: object) -> None:
    """Set the fields of the first line."""
    first, *rest = path.read_text(encoding="utf-8").splitlines(keepends=True)
    line = json.dumps(json.loads(first) | fields, ensure_ascii=False)
    path.write_text("".join([line + "\n", *rest]), encoding="utf-8")


def test_accepts_a_new_field(folders):
    golden, made = folders
    edit(made / "records.jsonl", added=1)
    rewrite(made, golden)
    assert (golden / "records.jsonl").read_bytes() == (made / "records.jsonl").read_bytes()


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        ("records.jsonl", {"text": "別の本文。"}),
        ("records.jsonl", {"split": "heldout"}),
        ("dropped.jsonl", {"reason": "noise"}),
        ("dropped.jsonl", {"step": "near_duplicate"}),
    ],
)
def test_refuses_a_changed_field_and_writes_nothing(folders, name, fields):
    golden, made = folders
    before = {file: (golden / file).read_bytes() for file in UNCHANGED}
    edit(made / "records.jsonl", added=1)
    edit(made / name, **fields)
    with pytest.raises(SystemExit, match=f"{name} is not rewritten"):
        rewrite(made, golden)
    assert {file: (golden / file).read_bytes() for file in UNCHANGED} == before


def test_refuses_another_order_and_another_number_of_lines(folders):
    golden, made = folders
    lines = (golden / "records.jsonl").read_text(encoding="utf-8").splitlines(keepends=True)
    for changed in ([lines[1], lines[0], *lines[2:]], lines[:-1]):
        (made / "records.jsonl").write_text("".join(changed), encoding="utf-8")
        with pytest.raises(SystemExit):
            rewrite(made, golden)
