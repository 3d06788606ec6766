"""A stop during a real training takes a few seconds and writes a checkpoint, from which the next start continues."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.end_to_end.conftest import company, models
from tests.end_to_end.invented_company import conversations
from tests.installation import CAUSAL, ONE_CORE, IsolatedInstallation, create_organization, register_models

__all__ = ["company", "models"]

pytestmark = [pytest.mark.services, pytest.mark.ml, pytest.mark.timeout(400)]

STOP_SECONDS = 15
STEP_TOKENS = 1024
"""A step longer than the six seconds that an engine is given to stop."""


@pytest.fixture
def installation(models: Path, tmp_path_factory) -> Iterator[IsolatedInstallation]:
    folder = tmp_path_factory.mktemp("kosha")
    # PostgreSQL's unprivileged account must get at its folder inside.
    for part in (folder, folder.parent, folder.parent.parent):
        part.chmod(0o755)
    # How long a model server takes to end is measured elsewhere; here it would only be waited for.
    without = {"KOSHA_MODEL_SERVER_URL": "http://127.0.0.1:9"}
    made = IsolatedInstallation(folder / "var", KOSHA_MODEL_ROOTS=str(models), **ONE_CORE, **without)
    yield made
    made.end()


def events(installation: IsolatedInstallation, type_: str) -> list[dict]:
    """Of every attempt, in the order of the attempts."""
    files = (installation.var / "storage" / "runs").glob("*/*/events.jsonl")
    lines = [line for file in sorted(files) for line in file.read_text().splitlines()]
    return [event for event in map(json.loads, lines) if event["type"] == type_]


def steps(installation: IsolatedInstallation, type_: str) -> list[int]:
    return [event["step"] for event in events(installation, type_)]


def resumed(installation: IsolatedInstallation) -> list[int | None]:
    """Where each attempt of each job has begun; the training is the newest."""
    return [event["resumed_from_step"] for event in events(installation, "started")]


def seconds_to_stop(installation: IsolatedInstallation, number: int) -> float:
    began = time.monotonic()
    installation.stop(number)
    assert installation.output().endswith("stopped\n")
    seconds = time.monotonic() - began
    assert installation.processes() == []
    print(f"{signal.Signals(number).name}: stopped in {seconds:.1f} s")
    return seconds


def test_training_stops_within_its_step_and_continues_after_the_next_start(installation, models, company):
    installation.up()
    assert "model-server" not in installation.state["services"]
    register_models(installation, models / CAUSAL)
    start_training(create_organization(installation, "stopping").owner.openai, company)

    installation.wait(lambda: steps(installation, "metrics") != [], 120)
    assert seconds_to_stop(installation, signal.SIGTERM) < STOP_SECONDS
    (reached,) = steps(installation, "stopped")
    assert reached >= 1
    assert steps(installation, "checkpoint") == [reached]

    installation.up()
    installation.wait(lambda: resumed(installation)[-1] == reached, 120)
    assert seconds_to_stop(installation, signal.SIGINT) < STOP_SECONDS
    assert steps(installation, "stopped")[-1] >= reached


def start_training(owner, company) -> None:
    content = conversations([company.fact() for _ in range(60)])
    file = owner.files.create(file=("pairs.jsonl", content), purpose="fine-tune")
    owner.files.wait_for_processing(file.id, poll_interval=0.2, max_wait_seconds=60)
    hyperparameters = {
        "sequence_length": STEP_TOKENS, "tokens_per_step": STEP_TOKENS, "lora_rank": 4, "epochs": 100,
        "max_steps": 20,
    }  # fmt: skip
    owner.fine_tuning.jobs.create(
        model=CAUSAL,
        training_file=file.id,
        method={"type": "supervised", "supervised": {"hyperparameters": hyperparameters}},
    )
