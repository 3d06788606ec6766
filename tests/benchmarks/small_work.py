"""One file of mine beside a training and a hundred uploads of others: when it is readable, when it is found.

Run: `python -m tests.benchmarks.small_work [--uploads 100] [--repeat 3]`

A training of another organization takes every core, and four organizations have queued their uploads. Then I upload
one file of a page, into a knowledge base of mine. It is readable when its status says so, and searchable when the
search answers with it. The training's speed is that of its own points of the curve, alone and beside this work.
Exits with 1 where a limit is exceeded.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from demo.client import ApiClient, Json
from tests.benchmarks.machine import machine
from tests.installation import (
    CAUSAL,
    EMBEDDING,
    MODELS,
    create_organization,
    missing_models,
    register_models,
    running_installation,
    temporary_folder,
)

OTHERS = 4
READABLE_SECONDS, SEARCHABLE_SECONDS = 15.0, 30.0
ALONE_POINTS = 3
PREPARATION_SECONDS = 600.0
QUESTION = "排水弁の交換周期は何か月ですか"


@dataclass(frozen=True)
class Measured:
    readable: float
    searchable: float
    queued_before: int
    """Uploads of the others that waited when mine came,"""
    queued_after: int
    """and when it was found."""


def regulation(number: int) -> str:
    """A page that no other is like."""
    articles = (
        f"第{article}条 設備{number}の部品{article}は、係員が{article + number + 2}日ごとに点検し、記録簿に残す。"
        for article in range(1, 25)
    )
    return "\n".join((f"設備{number}管理規程", *articles))


def conversations(count: int = 200) -> bytes:
    pairs = (
        [
            {"role": "user", "content": f"設備{number}の点検は何日ごとですか"},
            {"role": "assistant", "content": regulation(number)[:80]},
        ]
        for number in range(count)
    )
    return "\n".join(json.dumps({"messages": pair}, ensure_ascii=False) for pair in pairs).encode()


def until(happened: Callable[[], bool], seconds: float = PREPARATION_SECONDS) -> float:
    """Seconds that it took."""
    started = time.perf_counter()
    while not happened():
        if time.perf_counter() - started > seconds:
            raise TimeoutError(f"not so after {seconds:g} s")
        time.sleep(0.1)
    return time.perf_counter() - started


# -- the others ---------------------------------------------------------------------------------------
def start_training(api: ApiClient) -> str:
    """The id of a training that has come to its first steps and goes on for hours."""
    file = api.upload("対話.jsonl", conversations(), "fine-tune").ok["id"]
    until(lambda: is_processed(api, file))
    settings = {"sequence_length": 512, "tokens_per_step": 512, "epochs": 100}
    method = {"type": "supervised", "supervised": {"hyperparameters": settings}}
    body = {"model": CAUSAL, "training_file": file, "method": method}
    training = str(api.post("fine_tuning/jobs", body).ok["id"])
    until(lambda: is_training(api, training) and len(speeds(api, training)) > ALONE_POINTS)
    return training


def is_training(api: ApiClient, training: str) -> bool:
    found = api.get(f"fine_tuning/jobs/{training}").ok
    if found["status"] in ("failed", "succeeded", "cancelled"):
        raise RuntimeError(f"the training has ended: {found['error']}")
    return bool(found["status"] == "running")


def is_processed(api: ApiClient, file: str) -> bool:
    status = api.get(f"files/{file}").ok["status"]
    if status == "error":
        raise RuntimeError(f"{file} could not be read")
    return bool(status == "processed")


def speeds(api: ApiClient, training: str) -> list[float]:
    """Tokens a second of each step, oldest first."""
    events: Iterator[Json] = api.every(f"fine_tuning/jobs/{training}/events")
    points = [event["data"] for event in events if event["type"] == "metrics"]
    points.sort(key=lambda point: point["step"])
    return [point["values"]["tokens_per_second"] for point in points]


def queued(apis: list[ApiClient]) -> int:
    return sum(1 for api in apis for _job in api.every("jobs", state="queued", kind="ingest"))


def upload_all(apis: list[ApiClient], uploads: int, first: int) -> None:
    for number in range(uploads):
        api = apis[number % len(apis)]
        api.upload(f"規程{first + number}.txt", regulation(first + number).encode()).check()


# -- mine ---------------------------------------------------------------------------------------------
def measure(mine: ApiClient, others: list[ApiClient], number: int) -> Measured:
    answer = f"排水弁は{number + 11}か月ごとに交換します。"
    store = mine.post("vector_stores", {"name": f"手引き{number}"}).ok["id"]
    waiting = queued(others)
    started = time.perf_counter()
    file = mine.upload(f"手引き{number}.txt", f"装置{number}の手引き\n{answer}\n".encode()).ok["id"]
    mine.post(f"vector_stores/{store}/files", {"file_id": file}).check()
    until(lambda: is_processed(mine, file))
    readable = time.perf_counter() - started
    query = {"query": QUESTION, "max_num_results": 1}
    found: list[Json] = []

    def is_found() -> bool:
        found[:] = mine.post(f"vector_stores/{store}/search", query).ok["data"]
        return bool(found)

    until(is_found)
    searchable = time.perf_counter() - started
    assert answer in found[0]["content"][0]["text"]
    return Measured(readable, searchable, waiting, queued(others))


def report(rows: list[Measured], uploads: int, alone: list[float], beside: list[float]) -> bool:
    print(f"A training and {uploads} uploads of {OTHERS} other organizations; {machine()}\n")
    print(
        "| my file | readable after | searchable after | others' uploads waiting: before, after |\n|---|---:|---:|---:|"
    )
    for number, row in enumerate(rows, start=1):
        print(
            f"| {number} | {row.readable:.1f} s | {row.searchable:.1f} s | {row.queued_before}, {row.queued_after} |"
        )
    fast, slow = statistics.median(alone), statistics.median(beside) if beside else float("nan")
    print(f"\nThe training: {fast:.0f} tokens a second alone, {slow:.0f} beside this work.")
    return all(row.readable <= READABLE_SECONDS and row.searchable <= SEARCHABLE_SECONDS for row in rows)


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--uploads", type=int, default=100)
    parser.add_argument("--repeat", type=int, default=3)
    options = parser.parse_args()
    if reason := missing_models(CAUSAL, EMBEDDING):
        print(f"skipped: {reason}")
        return 0
    with (
        temporary_folder("small-work") as folder,
        running_installation(folder / "var", KOSHA_MODEL_ROOTS=str(MODELS)) as kosha,
    ):
        kosha.wait(kosha.answers, 60)
        register_models(kosha, MODELS / CAUSAL, MODELS / EMBEDDING)
        others = [create_organization(kosha, f"other-{number}").owner.api for number in range(OTHERS)]
        mine = create_organization(kosha, "mine").owner.api
        training = start_training(others[0])
        alone = speeds(others[0], training)[1:]
        upload_all(others, options.uploads, 0)
        rows = [measure(mine, others, number) for number in range(options.repeat)]
        beside = speeds(others[0], training)[len(alone) + 1 :]
        others[0].post(f"fine_tuning/jobs/{training}/cancel").check()
        is_within = report(rows, options.uploads, alone, beside)
    return 0 if is_within else 1


if __name__ == "__main__":
    sys.exit(main())
