"""The pages of things whose job failed: each shows the error that the produced row holds."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.utils import translation

from console.templatetags.words import fault_place
from jobs.produced import ProducedRow
from jobs.types import job_types
from schedules.services import schedule_fire, scheduled_run_stop
from tests.jobs.test_produced import QUEUED, row_of
from tests.world import fail

pytestmark = pytest.mark.slow

PAGE_OF: dict[str, Callable[..., str]] = {
    "ingest": lambda revision: revision.document.get_absolute_url(),
    "curation": lambda version: version.get_absolute_url(),
    "training": lambda run: run.get_absolute_url(),
    "evaluation": lambda evaluation: evaluation.get_absolute_url(),
    "retrieval": lambda build: build.knowledge_base.get_absolute_url(),
    "sync": lambda sync: sync.source.get_absolute_url(),
    "export": lambda export: export.model_version.get_absolute_url(),
}


def failed_row(world, kind: str, code: str, message: str, **values: object) -> ProducedRow:
    """A row whose error differs from that of its job."""
    job = QUEUED[kind](world)
    fail(job, f"{kind}.user.of_the_job", "The message of the job.")
    row = row_of(job)
    row.set_error(code, message)
    row.error_values = values
    row.save()
    return row


def test_every_kind_of_job_has_a_page_here():
    """But for pictures of pages, whose error stands where the picture would be."""
    assert PAGE_OF.keys() == {known.name for known in job_types()} - {"page_pictures"}


@pytest.mark.parametrize("kind", sorted(PAGE_OF))
def test_shows_the_error_of_the_produced_row(world, kind):
    row = failed_row(world, kind, f"{kind}.user.of_the_row", "The message of the row.")
    page = world.browser().get(PAGE_OF[kind](row)).content.decode()
    assert "The message of the row." in page
    assert "The message of the job." not in page


@pytest.mark.parametrize(
    ("language", "param", "place"),
    [
        ("en", "line 7", "line 7"),
        ("ja", "line 7", "7行目"),
        ("ja", "byte 12", "12バイト目"),
        ("ja", "n_epochs", ""),
    ],
)
def test_says_where_in_the_readers_language(language, param, place):
    with translation.override(language):
        assert fault_place(param) == place


@pytest.mark.parametrize(
    ("language", "values", "said"),
    [
        ("en", {"reason": "unknown_keys", "line": 7, "keys": "備考"}, "Line 7 has keys that its form does not know: 備考."),
        ("ja", {"reason": "unknown_keys", "line": 7, "keys": "備考"}, "7行目に、その形式にはないキーがあります：備考"),
        ("ja", {}, "学習用の会話の形式ではない行があります。"),
    ],
)  # fmt: skip
def test_says_the_details_in_the_readers_language_alone(world, language, values, said):
    row = failed_row(world, "ingest", "ingest.user.invalid_jsonl", "The engine's own sentence.", **values)
    page = world.browser(language=language).get(PAGE_OF["ingest"](row)).content.decode()
    assert said in page
    assert "own sentence" not in page


@pytest.mark.parametrize("kind", sorted(PAGE_OF))
def test_says_a_system_error_in_plain_words(world, kind):
    row = failed_row(world, kind, f"{kind}.system.crashed", "boom")
    assert "The process crashed." in world.browser().get(PAGE_OF[kind](row)).content.decode()


def test_a_run_that_a_person_stopped_is_no_failure(world):
    schedule = world.schedule()
    run = schedule_fire(schedule=schedule, actor=world.actor)
    scheduled_run_stop(run=run, actor=world.actor)
    page = world.browser(language="ja").get(schedule.get_absolute_url()).content.decode()
    runs = page.partition('id="runs"')[2].partition("</section>")[0]
    assert (
        "この実行は中止しました" in runs and "<code>cancelled" not in runs and 'data-tone="bad"' not in runs
    )
