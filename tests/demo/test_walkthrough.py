"""The demo's walkthrough: its steps, and what a second run reuses."""

from __future__ import annotations

import json
from typing import Any

import pytest

from demo.client import ApiError
from demo.report import Report
from demo.walkthrough import Walkthrough, place


class Answer:
    def __init__(self, body: Any) -> None:
        self._body = body

    @property
    def ok(self) -> Any:
        if self._body is None:
            raise ApiError(404, "not_found", "There is no such object.")
        return self._body


class Client:
    """An API that holds a dict of objects by path."""

    def __init__(self, objects: dict[str, Any]) -> None:
        self.objects = objects

    def get(self, path: str) -> Answer:
        return Answer(self.objects.get(path))


@pytest.fixture
def walkthrough(tmp_path):
    earlier = {"base_model": "smollm2", "files": ["file-1"], "ids": {"training_run": "ftjob-1"}}
    (tmp_path / "report.json").write_text(json.dumps(earlier))
    report = Report(tmp_path / "report.json", "smollm2")
    return Walkthrough(None, report, None, documents=tmp_path, later=tmp_path, questions=[])


def test_the_steps_are_those_of_the_pipeline_between_setup_and_schedule(walkthrough):
    assert [step.name for step in walkthrough.steps] == [
        "organization",
        "upload",
        "curation",
        "training",
        "evaluation",
        "retrieval",
        "release",
        "retraining",
    ]


@pytest.mark.parametrize(
    ("status", "same_inputs", "is_reused"),
    [
        ("succeeded", True, True),
        ("running", True, True),
        ("failed", True, False),
        ("cancelled", True, False),
        (None, True, False),
        ("succeeded", False, False),
    ],
)
def test_reuses_what_has_the_same_inputs_and_did_not_fail(walkthrough, status, same_inputs, is_reused):
    walkthrough.owner = Client({"/fine_tuning/jobs/ftjob-1": {"status": status}} if status else {})
    found = walkthrough._reusable("/fine_tuning/jobs", "training_run", same_inputs=same_inputs)
    assert (found is not None) == is_reused


def test_a_report_of_another_base_model_is_not_reused(walkthrough):
    assert Report(walkthrough.report.path, "smollm2").earlier["files"] == ["file-1"]
    assert Report(walkthrough.report.path, "gemma3-270m").earlier == {}


def test_the_report_records_a_failed_step_and_only_its_owner_may_read_it(walkthrough):
    report = walkthrough.report
    with report.step("upload") as figures:
        figures["documents"] = 3
    with pytest.raises(RuntimeError), report.step("training"):
        raise RuntimeError("no memory")
    written = json.loads(report.path.read_text())
    assert [(step["name"], step["ok"]) for step in written["steps"]] == [
        ("upload", True),
        ("training", False),
    ]
    assert written["ok"] is False and written["steps"][1]["error"] == "RuntimeError: no memory"
    assert report.path.stat().st_mode & 0o777 == 0o600


def test_a_citation_names_the_page_or_the_cells():
    page = {
        "index": 1,
        "filename": "a.pdf",
        "kind": "page",
        "page": 3,
        "label": None,
        "cells": None,
        "quote": "本文",
    }
    assert place(page) == "[1] a.pdf p.3 「本文」"
    cells = {**page, "index": 2, "filename": "faq.xlsx", "kind": "sheet", "label": "人事", "cells": "A5:C5"}
    assert place(cells) == "[2] faq.xlsx 人事!A5:C5 「本文」"
