"""A kind of job is declared in one place; nothing else in the platform names the kinds."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from jobs.types import job_types

EXEMPT = (
    # Names of apps, some of which are also kinds of job.
    "platform/config/settings.py",
    "platform/config/api.py",
    # A pipeline is a list of stages over types of job.
    "platform/pipelines/retraining.py",
)


def production_files(repository: Path) -> Iterator[tuple[str, ast.Module]]:
    for folder in ("platform", "workers"):
        for path in sorted((repository / folder).rglob("*.py")):
            name = path.relative_to(repository).as_posix()
            if path.name != "job_types.py" and "/migrations/" not in name:
                yield name, ast.parse(path.read_text(encoding="utf-8"))


def strings(tree: ast.AST) -> set[str]:
    nodes = (node for node in ast.walk(tree) if isinstance(node, ast.Constant))
    return {node.value for node in nodes if isinstance(node.value, str)}


def is_about_kinds(node: ast.AST) -> bool:
    """A comparison of something's `kind`, a `kind=` argument, or a pattern of a `match`."""
    if isinstance(node, ast.Compare):
        return any(
            getattr(each, "attr", getattr(each, "id", "")) == "kind"
            for each in [node.left, *node.comparators]
        )
    return (isinstance(node, ast.keyword) and (node.arg or "").startswith("kind")) or isinstance(
        node, ast.MatchValue
    )


def test_only_job_types_name_kinds_of_job(repository):
    kinds = {known.name for known in job_types()}
    found = []
    for name, tree in production_files(repository):
        if name not in EXEMPT and len(strings(tree) & kinds) > 2:
            found.append(f"{name} lists {sorted(strings(tree) & kinds)}")
        for node in ast.walk(tree):
            if is_about_kinds(node) and strings(node) & kinds:
                found.append(f"{name}:{node.lineno} asks for {strings(node) & kinds}")
    assert found == []


def test_types_of_job_are_complete():
    for known in job_types():
        assert str(known.label) and str(known.busy_label)
        assert known.produces is None or known.artifact
        assert all(code.startswith(("user.", "system.")) for code in known.errors), known.name
