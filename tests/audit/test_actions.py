"""Every recorded action has words on the console's page of the audit trail."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.utils import translation

from console.words import ACTIONS
from curation.models import PairState
from jobs.transitions import JobState
from releases.models import ReleaseState
from releases.services import CHANGED

COMPUTED = {
    "job.": {"submitted", *JobState.values},
    "pair.": {PairState.APPROVED.value, PairState.REJECTED.value},
    "release.": {ReleaseState.APPROVED.value, ReleaseState.REJECTED.value, *CHANGED.values()},
}
"""What follows the first word of an action that is written as an f-string."""


def functions(tree: ast.AST) -> list[ast.FunctionDef]:
    return [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]


def calls(function: ast.FunctionDef, names: set[str]) -> list[ast.Call]:
    nodes = [node for node in ast.walk(function) if isinstance(node, ast.Call)]
    return [call for call in nodes if isinstance(call.func, ast.Name) and call.func.id in names]


def forwards_action(function: ast.FunctionDef) -> bool:
    arguments = [*function.args.args, *function.args.kwonlyargs]
    has_action = "action" in (argument.arg for argument in arguments)
    return has_action and bool(calls(function, {"audit_record"}))


def actions_in(call: ast.Call) -> Iterator[str]:
    for node in ast.walk(call):
        if isinstance(node, ast.JoinedStr) and isinstance(node.values[0], ast.Constant):
            first = node.values[0].value
            yield from (first + rest for rest in COMPUTED[first])
        elif isinstance(node, ast.Constant) and re.fullmatch(r"[a-z_]+\.[a-z_]+", str(node.value)):
            yield node.value


def recorded_actions(repository: Path) -> set[str]:
    trees = [ast.parse(path.read_text()) for path in sorted((repository / "platform").rglob("*.py"))]
    forwarding = [
        {function.name for function in functions(tree) if forwards_action(function)} for tree in trees
    ]
    public = {"audit_record", *(name for names in forwarding for name in names if name[0] != "_")}
    found = set()
    for tree, local in zip(trees, forwarding, strict=True):
        for function in functions(tree):
            for call in calls(function, public | local):
                actions = set(actions_in(call))
                assert actions or function.name in local, f"no action is written in {ast.unparse(call)}"
                found |= actions
    return found


def test_every_recorded_action_has_words(repository):
    assert recorded_actions(repository) == set(ACTIONS)


@pytest.mark.parametrize("action", ACTIONS)
def test_words_of_an_action_are_translated(action):
    with translation.override("en"):
        english = str(ACTIONS[action])
    with translation.override("ja"):
        assert str(ACTIONS[action]) != english
