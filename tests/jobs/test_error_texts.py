"""What an engine says of an error, and the sentences of the platform for it: one has the values that the other names."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from django.utils import translation

from documents.error_texts import READING_ERRORS
from jobs.failures import ErrorText
from jobs.shared_errors import SHARED_ERRORS
from jobs.types import error_text, job_types
from workers.contract.specs.run import ExitCode, RunError
from workers.engines.ingest.file_types import _KNOWN_BINARIES
from workers.engines.shared.runtime import EngineFault, UserError, _classify_unexpected
from workers.orchestration import attempt
from workers.orchestration.finalize import _result_lost

WORKERS = Path(attempt.__file__).parents[1]
PLACEHOLDER = re.compile(r"%\((\w+)\)s")
JAPANESE = re.compile(r"[\u3040-\u30ff\u4e00-\u9fff]")
SHARED = "shared"


class Raised(NamedTuple):
    place: str
    kind: str
    code: str
    reason: str | None
    values: frozenset[str]


CAUSES = {"UserError": "user", "UnsafeModelFolder": "user", "EngineFault": "system"}
PARTS = {"pictures": "page_pictures"}
"""Folders of an engine that are one of their own."""
MADE_BY: dict[str, tuple[str, set[str], str | None]] = {
    "damaged": ("user.damaged_file", set(), None),
    "damaged_by": ("user.damaged_file", set(), None),
    "encrypted": ("user.encrypted", set(), None),
    "wrong_type": ("user.wrong_type", set(), None),
    "no_text": ("user.no_text", set(), None),
    "not_jsonl": ("user.not_jsonl", set(), None),
    "_refuse": ("user.invalid_jsonl", {"line"}, None),
    "require_intact": ("system.artifact_damaged", {"file"}, "model"),
}
"""Functions that make an error: its code, the values that they add, and the reason where a caller gives none."""


def calls(tree: ast.AST, inside: str = "") -> Iterator[tuple[str, ast.Call]]:
    """Each call of a name, but not those of the functions that make errors."""
    for node in ast.iter_child_nodes(tree):
        here = node.name if isinstance(node, ast.FunctionDef) else inside
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and here not in MADE_BY:
            yield node.func.id, node
        yield from calls(node, here)


def reasons(given: ast.expr | None) -> set[str | None]:
    match given:
        case None:
            return {None}
        case ast.IfExp(body=ast.Constant(value=first), orelse=ast.Constant(value=second)):
            return {first, second}
        case ast.Constant(value=reason):
            return {reason}
        case ast.Name():
            return {reason for _magic, reason, _what in _KNOWN_BINARIES}
    raise AssertionError(ast.unparse(given))


def raised_in(path: Path, kind: str) -> Iterator[Raised]:
    for name, call in calls(ast.parse(path.read_text(encoding="utf-8"))):
        given = {each.arg: each.value for each in call.keywords}
        if name in MADE_BY:
            code, added, usual = MADE_BY[name]
        elif name in CAUSES and call.args and isinstance(call.args[0], ast.Constant):
            code, added, usual = f"{CAUSES[name]}.{call.args[0].value}", set(), None
        else:
            continue
        values = given.keys() - {"param", "reason", "what", "remedy"} | added
        for reason in reasons(given.get("reason")):
            place = f"{path.name}:{call.lineno}"
            yield Raised(place, kind, code, reason or usual, frozenset(map(str, values)))


def all_raised() -> list[Raised]:
    found = list(raised_in(WORKERS / "contract" / "model_folder.py", SHARED))
    for path in sorted((WORKERS / "engines").rglob("*.py")):
        engine = PARTS.get(path.parent.name) or path.relative_to(WORKERS / "engines").parts[0]
        if engine in (SHARED, *(each.name for each in job_types())):
            found += raised_in(path, engine)
    renamed = [
        each._replace(code=each.code.replace("base_model", "embedding_model"))
        for each in found
        if each.kind == SHARED and each.code.startswith("user.base_model")
    ]
    return found + renamed


def of_runs() -> list[RunError]:
    """What the orchestration and the frame of every engine say, as they say it."""
    ends = [None, *(vars(ExitCode)[name] for name in ("DONE", "SYSTEM_ERROR", "DISK_FULL"))]
    lost = attempt.Attempt(attempt.End.LOST, attempt._unexplained_error("x", None))
    stopped = attempt.Attempt(attempt.End.STOPPED, attempt._stopped_error("x"))
    unexpected = [
        RunError(code=f"x.system.{what}", message=message, values=values)
        for what, message, values in (
            _classify_unexpected(error, WORKERS)
            for error in (KeyError("a"), OSError(5, "EIO"), OSError(28, ""))
        )
    ]
    return [
        *(attempt._unexplained_error("x", code) for code in ends),
        *(attempt._too_often_error("x", each, 5) for each in (lost, stopped)),
        attempt.stalled_attempt("x").error,
        attempt.not_launched_attempt("x", OSError(), disk_is_full=False).error,
        stopped.error,
        _result_lost("x"),
        *unexpected,
    ]


RAISED = all_raised() + [
    Raised("run", SHARED, each.code.removeprefix("x."), str(each.values.get("reason") or "") or None,
           frozenset(each.values.keys() - {"reason"}))
    for each in of_runs()
] + [
    Raised("runtime.py", SHARED, "user.invalid_spec", None, frozenset({"field"})),
    Raised("runtime.py", SHARED, "system.out_of_memory", None, frozenset()),
    Raised("documents/services.py", "ingest", "user.cancelled", None, frozenset()),
]  # fmt: skip
TEXTS = {SHARED: SHARED_ERRORS, **{each.name: each.errors for each in job_types()}}


def owner(error: Raised, key: str) -> str:
    return SHARED if key not in TEXTS[error.kind] and key in SHARED_ERRORS else error.kind


def key_of(code: str, reason: str | None) -> str:
    return f"{code}:{reason}" if reason else code


def test_every_error_has_a_text_that_names_its_values():
    assert len(RAISED) > 120
    for error in RAISED:
        key = key_of(error.code, error.reason)
        text = TEXTS[owner(error, key)].get(key)
        assert text is not None, error
        assert set(PLACEHOLDER.findall(str(text.exactly))) == error.values, error


def test_no_text_is_left_of_an_error_that_nothing_raises():
    seen = {(owner(each, key), key) for each in RAISED for key in (each.code, key_of(each.code, each.reason))}
    # What draws a page opens the file with the same parsers in the same sandbox.
    seen |= {("page_pictures", key) for kind, key in seen if kind == "ingest"}
    declared = {(kind, key) for kind, texts in TEXTS.items() for key in texts}
    assert declared - seen == set()


@pytest.mark.parametrize("kind", sorted(TEXTS))
def test_both_languages_name_the_same_values(kind):
    for key, text in TEXTS[kind].items():
        for sentence in (text.what, text.remedy, text.exactly):
            with translation.override("en"):
                english = str(sentence)
            with translation.override("ja"):
                japanese = str(sentence)
            assert sorted(PLACEHOLDER.findall(english)) == sorted(PLACEHOLDER.findall(japanese)), key
            assert not english or JAPANESE.search(japanese), key
            assert "%" not in PLACEHOLDER.sub("", english + japanese), key


def test_a_sentence_is_filled_with_the_values_of_the_case():
    values = {"size_mb": 1204.26, "limit_mb": 10.0}
    text = READING_ERRORS["user.file_too_large"]
    with translation.override("ja"):
        found = error_text("ingest.user.file_too_large", values)
        assert found and found.what == "ファイルは1,204.3 MBで、上限の10 MBを超えています。"
        stored_before = error_text("ingest.user.file_too_large", {})
        assert stored_before == text and stored_before.what == "ファイルが上限を超えています。"
        incomplete = error_text("ingest.user.file_too_large", {"size_mb": 3})
        assert incomplete == text
    unknown_reason = error_text("ingest.user.damaged_file", {"reason": "of_a_newer_release", "page": 3})
    assert unknown_reason == READING_ERRORS["user.damaged_file"]
    assert ErrorText("What", "Do").told({"line": 3}) == ErrorText("What", "Do")


def test_values_are_bounded_and_none_is_left_out():
    error = UserError("x", "m", name="名" * 1000, line=None, page=3)
    assert error.values == {"name": "名" * 300, "page": 3}
    RunError(code="toy.user.x", message="m", values=error.values)
    assert EngineFault("x", "m").values == {}
