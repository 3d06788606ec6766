"""The shape of the code: short files, and functions that read as one piece."""

from __future__ import annotations

import ast
from pathlib import Path
from statistics import median

import pytest

LONGEST_FILE = 400
LONG_FUNCTION = 50
MEDIAN = (7, 12)


def sources(repository: Path, *roots: str) -> list[Path]:
    """Without migrations, which are generated."""
    found = [path for root in roots for path in (repository / root).rglob("*.py")]
    return [path for path in found if "migrations" not in path.parts]


@pytest.fixture(scope="module")
def function_lengths(repository) -> list[int]:
    """The lines of every function of the product, from `def` to its last line, without its decorators."""
    lengths = []
    for path in sources(repository, "platform", "workers"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                lengths.append((node.end_lineno or node.lineno) - node.lineno + 1)
    return lengths


def test_no_file_is_longer_than_400_lines(repository):
    files = sources(repository, "platform", "workers", "demo", "tests")
    lengths = {str(path.relative_to(repository)): len(path.read_text().splitlines()) for path in files}
    assert {name: length for name, length in lengths.items() if length > LONGEST_FILE} == {}


def test_few_functions_are_longer_than_50_lines(function_lengths):
    long = sum(length > LONG_FUNCTION for length in function_lengths)
    assert long / len(function_lengths) < 0.03


def test_median_function_length(function_lengths):
    assert MEDIAN[0] <= median(function_lengths) <= MEDIAN[1]
