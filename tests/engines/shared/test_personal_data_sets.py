"""The files of the labelled sets are what their sources say."""

from __future__ import annotations

import pytest

from tests.engines.shared.assemble_personal_data import HERE, PROMISES, as_lines, assembled


@pytest.mark.parametrize("name", PROMISES)
def test_a_set_is_what_its_source_says(name):
    tune, check, _ = assembled(HERE / name)
    for part, rows in (("tune", tune), ("check", check)):
        # Compared as a bool: a difference must not show the texts of `check`.
        is_same = as_lines(rows) == (HERE / name / f"{part}.jsonl").read_text(encoding="utf-8")
        assert is_same, f"{name}/{part}.jsonl: run assemble_personal_data.py {name}"
