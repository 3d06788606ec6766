"""The eight steps from documents to a served answer with citations and a scheduled retraining.

They use the public API, as a pipeline outside the platform would; only the organization and the base models
are set up by an operator's commands. Nothing here depends on the name or the text of a document.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from demo import company
from demo.account import new_password
from demo.client import ApiClient, ApiError, JobFailed, Json
from demo.installation import Installation
from demo.report import Report
from demo.screen import Screen


@dataclass(frozen=True)
class Step:
    name: str
    """In the report."""
    headline: str
    act: Callable[[Json], None]
    """Called with the step's figures in the report, which it fills."""


class Walkthrough:
    """The steps in order. Each writes its figures into the report and stores ids there for the next ones."""

    def __init__(
        self,
        installation: Installation,
        report: Report,
        screen: Screen,
        *,
        documents: Path,
        later: Path,
        questions: list[str],
    ) -> None:
        self.installation, self.report, self.screen = installation, report, screen
        self.documents, self.later, self.questions = documents, later, questions
        self.owner: ApiClient
        self.reviewer: ApiClient
        self.passed = False
        base = report.base_model
        self.steps = [
            Step("organization", "an organization, its people and an API key", self.organization),
            Step("upload", "the company's documents", self.upload),
            Step("curation", "curation into a dataset version", self.curate),
            Step("training", f"training {base} (LoRA) on texts and question-answer pairs", self.train),
            Step(
                "evaluation",
                "evaluation on held-out records, base and tuned model, and the gate",
                self.evaluate,
            ),
            Step("retrieval", "the hybrid search index", self.index),
            Step("release", "approval, publication, and three questions", self.release),
            Step("retraining", "a new document, a weekly schedule, and a retraining now", self.retrain),
        ]

    # -- 1 --------------------------------------------------------------------------------------
    def organization(self, figures: Json) -> None:
        base = company.BASE_MODELS[self.report.base_model]
        models = self.installation.var / "models"
        register = self.installation.ask
        register("base_model_register", self.report.base_model, str(models / base["folder"]),
                 "--licence", base["licence"])  # fmt: skip
        register("base_model_register", company.EMBEDDING_MODEL["name"], str(models / company.EMBEDDING_MODEL["folder"]),
                 "--licence", company.EMBEDDING_MODEL["licence"], "--kind", "embedding")  # fmt: skip
        access = self._earlier_access()
        figures["reused"] = access is not None
        if access is None:
            made = self.installation.ask(
                "organization_create", "--name", company.ORGANIZATION["name"], "--slug", company.ORGANIZATION["slug"],
                "--owner", company.OWNER, "--reviewer", company.REVIEWER, "--key", "demo",
            )  # fmt: skip
            access = {
                "api_key": made["owner"]["api_key"],
                "email": made["owner"]["email"],
                "password": new_password(made["owner"]["password_link"]),
                "reviewer": {**made["reviewer"], "password": new_password(made["reviewer"]["password_link"])},
            }
            self.report.ids["organization"] = made["organization"]
        self.report.access = {"base_url": self.installation.base_url, **access}
        self.owner = ApiClient(self.installation.base_url, access["api_key"])
        self.reviewer = ApiClient(self.installation.base_url, access["reviewer"]["api_key"])
        self.screen.say(f"      owner     {access['email']}  password {access['password']}")
        self.screen.say(
            f"      reviewer  {access['reviewer']['email']}  password {access['reviewer']['password']}"
        )
        self.screen.say(f"      API key   {access['api_key']}")

    def _earlier_access(self) -> Json | None:
        """The keys of an earlier run, if this platform still accepts them."""
        earlier = self.report.earlier
        if "api_key" not in earlier:
            return None
        try:
            ApiClient(self.installation.base_url, earlier["api_key"]).get("/models").check()
        except ApiError:
            return None
        if organization := self.report.known("organization"):
            self.report.ids["organization"] = organization
        return {name: earlier[name] for name in ("api_key", "email", "password", "reviewer")}

    # -- 2 --------------------------------------------------------------------------------------
    def upload(self, figures: Json) -> None:
        paths = sorted(path for path in self.documents.iterdir() if path.is_file())
        for number, path in enumerate(paths, start=1):
            self.screen.progress(f"uploading {number}/{len(paths)} {path.name}")
            self.report.files.append(self.owner.upload_file(path)["id"])
        read = self._wait_until_read(set(self.report.files))
        failed = [file for file in read if file["status"] == "error"]
        for file in failed:
            self.screen.say(f"      {file['filename']}: {file['status_details']}")
        figures.update(
            documents=len(read),
            failed=len(failed),
            pages=sum(file["revision"]["pages"] for file in read),
            characters=sum(file["revision"]["characters"] for file in read),
        )
        self.screen.say(
            f"      {figures['documents']} documents, {figures['pages']} pages, "
            f"{figures['characters']:,} characters, {figures['failed']} unreadable"
        )

    def _wait_until_read(self, wanted: set[str]) -> list[Json]:
        while True:
            files = [file for file in self.owner.every("/files") if file["id"] in wanted]
            waiting = sum(file["status"] == "uploaded" for file in files)
            if not waiting:
                return files
            self.screen.progress(f"read {len(files) - waiting}/{len(files)} documents")
            time.sleep(0.5)

    # -- 3 --------------------------------------------------------------------------------------
    def curate(self, figures: Json) -> None:
        dataset = self._find_or_create("/datasets", company.DATASET)
        self.report.ids["dataset"] = dataset["id"]
        versions = f"/datasets/{dataset['id']}/versions"
        same_files = self.report.earlier.get("files") == self.report.files
        version = (
            self._reusable(versions, "dataset_version", same_inputs=same_files)
            or self.owner.post(versions, {"file_ids": self.report.files}).ok
        )
        self.owner.wait_for_job(version["job"], self.screen.job)
        version = self.owner.get(f"{versions}/{version['id']}").ok
        self.report.ids["dataset_version"] = version["id"]
        counts = version["counts"]
        figures.update(
            version=version["number"],
            **{name: counts[name] for name in (
                "records", "pairs", "heldout_records", "heldout_pairs", "dropped", "characters",
                "dropped_by_reason", "masked",
            )},
        )  # fmt: skip
        self.screen.say(
            f"      version {version['number']}: {counts['records']} texts and {counts['pairs']} pairs kept, "
            f"{counts['dropped']} dropped {counts['dropped_by_reason']}, masked {counts['masked']}"
        )

    # -- 4 --------------------------------------------------------------------------------------
    def train(self, figures: Json) -> None:
        run = (
            self._reusable(
                "/fine_tuning/jobs", "training_run", same_inputs=self._is_reused("dataset_version")
            )
            or self.owner.post(
                "/fine_tuning/jobs",
                {
                    "model": self.report.base_model,
                    "training_file": self.report.ids["dataset_version"],
                    "suffix": company.SUFFIX,
                    "method": {
                        "type": "continued_pretraining",
                        "continued_pretraining": {"hyperparameters": company.TRAINING},
                    },
                },
            ).ok
        )
        path = f"/fine_tuning/jobs/{run['id']}"
        self.owner.wait_for_job(
            run["kosha"]["job"], lambda job: self.screen.job(job, self._newest_point(path))
        )
        run = self.owner.get(path).ok
        self.report.ids["training_run"], self.report.ids["model"] = run["id"], run["fine_tuned_model"]
        result = run["kosha"]["result"]
        figures.update(
            {name: result[name] for name in (
                "steps", "tokens", "loss_first", "loss_last", "tokens_per_second", "parameters_trained", "seconds",
            )}
        )  # fmt: skip
        self.screen.say(
            f"      {run['fine_tuned_model']}: {result['steps']} steps, {result['tokens']:,} tokens at "
            f"{result['tokens_per_second']:.0f} a second, loss {result['loss_first']:.2f} → {result['loss_last']:.2f}"
        )

    def _newest_point(self, path: str) -> str:
        """The newest point of the loss curve."""
        for event in self.owner.get(f"{path}/events", limit=5).ok["data"]:
            if event["type"] == "metrics":
                values = event["data"].get("values", event["data"])
                return f", loss {values['loss']:.3f}, {values['tokens_per_second']:.0f} tokens/s"
        return ""

    # -- 5 --------------------------------------------------------------------------------------
    def evaluate(self, figures: Json) -> None:
        suite = self._find_or_create("/evals", company.SUITE, tasks=company.TASKS)
        self.report.ids["eval"] = suite["id"]
        self.owner.post("/release_policy", {"eval": suite["id"]}).check()
        runs = f"/evals/{suite['id']}/runs"
        run = (
            self._reusable(runs, "eval_run", same_inputs=self._is_reused("training_run"))
            or self.owner.post(
                runs,
                {
                    "data_source": {
                        "type": "dataset_version",
                        "dataset_version": self.report.ids["dataset_version"],
                        "model": self.report.ids["model"],
                    }
                },
            ).ok
        )
        self.owner.wait_for_job(run["job"], self.screen.job)
        run = self.owner.get(f"{runs}/{run['id']}").ok
        self.report.ids["eval_run"] = run["id"]
        self.passed = run["verdict"] == "passed"
        figures.update(
            verdict=run["verdict"], **{n: run["result"][n] for n in ("base", "tuned", "differences", "gate")}
        )
        self._show_figures(run["result"])
        self.screen.say(f"      the gate: {run['verdict']}")

    def _show_figures(self, result: Json) -> None:
        for metric, base in result["base"].items():
            tuned, difference = result["tuned"][metric], result["differences"][metric]
            self.screen.say(
                f"      {metric:<22} base {base['value']:.3f} [{base['low']:.3f}, {base['high']:.3f}]"
                f"  tuned {tuned['value']:.3f} [{tuned['low']:.3f}, {tuned['high']:.3f}]"
                f"  difference {difference['value']:+.3f} [{difference['low']:+.3f}, {difference['high']:+.3f}]"
                f"  n={base['items']}"
            )

    # -- 6 --------------------------------------------------------------------------------------
    def index(self, figures: Json) -> None:
        store = self._find_or_create("/vector_stores", company.STORE, file_ids=self.report.files)
        self.report.ids["vector_store"] = store["id"]
        while store["status"] != "completed":
            self._show_newest_job()
            store = self.owner.get(f"/vector_stores/{store['id']}").ok
        build = store["index_build"]
        if build is None:
            raise JobFailed("the knowledge base has no index; GET /v1/jobs?kind=retrieval gives the reason")
        self.report.ids["index_build"] = build["id"]
        figures.update(passages=build["passages"], files=store["file_counts"], bytes=store["usage_bytes"])
        self.screen.say(
            f"      {build['passages']} passages of {store['file_counts']['completed']} documents"
        )

    def _show_newest_job(self) -> None:
        for job in self.owner.get("/jobs", limit=1).ok["data"]:
            self.screen.job(job)
        time.sleep(0.5)

    # -- 7 --------------------------------------------------------------------------------------
    def release(self, figures: Json) -> None:
        if not self.passed:
            self.screen.say(
                "      the tuned model did not pass its gate: base model and index are published instead"
            )
        release = self.owner.post(
            "/releases",
            {
                "model": self.report.ids["model"] if self.passed else self.report.base_model,
                "vector_store": self.report.ids["vector_store"],
                "system_prompt": company.SYSTEM_PROMPT,
                "generation": {"max_tokens": 96, "passages": 2},
            },
        ).ok
        self.report.ids["release"] = release["id"]
        self.reviewer.post(f"/releases/{release['id']}/approve", {"comment": "評価を確認しました"}).check()
        self.owner.post(f"/releases/{release['id']}/publish", {"alias": company.ALIAS}).check()
        self.screen.say(
            f"      release {release['number']} ({release['model']}) is approved and serves {company.ALIAS}"
        )
        figures.update(release=release["number"], model=release["model"])
        figures["answers"] = [self._ask(question) for question in self.questions]

    def _ask(self, question: str) -> Json:
        self.screen.say(f"\n      問  {question}")
        self.screen.write("      答  ")
        annotations: list[Json] = []
        outcome: Json = {}
        text, start, first = "", time.monotonic(), None
        for chunk in self.owner.chat(company.ALIAS, question):
            for choice in chunk["choices"]:
                if piece := choice["delta"].get("content"):
                    first = first or time.monotonic() - start
                    text += piece
                    self.screen.write(piece)
                annotations += choice["delta"].get("annotations") or []
                outcome = choice["delta"].get("kosha") or outcome
        self.screen.write("\n")
        for annotation in annotations:
            self.screen.say(f"          {place(annotation['file_citation'])}")
        if not text.strip() or not annotations:
            raise JobFailed("an answer came without text or without citations")
        return {
            "question": question,
            "answer": text,
            **outcome,
            "citations": [annotation["file_citation"] for annotation in annotations],
            "seconds_to_first_token": round(first or 0.0, 2),
            "seconds": round(time.monotonic() - start, 2),
        }

    # -- 8 --------------------------------------------------------------------------------------
    def retrain(self, figures: Json) -> None:
        new = [self.owner.upload_file(path)["id"] for path in sorted(self.later.iterdir()) if path.is_file()]
        self._wait_until_read(set(new))
        schedule = self._find_or_create(
            "/schedules",
            company.SCHEDULE,
            cadence="weekly",
            weekday=6,
            hour=2,
            dataset=self.report.ids["dataset"],
            base_model=self.report.base_model,
            eval=self.report.ids["eval"],
            vector_store=self.report.ids["vector_store"],
            alias=company.ALIAS,
            suffix=company.SUFFIX,
            hyperparameters=company.RETRAINING,
        )
        self.report.ids["schedule"] = schedule["id"]
        run = self.owner.post(f"/schedules/{schedule['id']}/fire").ok
        while run["ended_at"] is None:
            self._show_newest_job()
            run = self.owner.get(f"/schedules/{schedule['id']}/runs/{run['id']}").ok
        figures.update(stage=run["stage"], documents=len(new))
        if run["stage"] == "skipped" and self.report.earlier:
            self.screen.say("      nothing is new since the last run, so nothing is retrained")
            return
        if run["stage"] != "done":
            raise JobFailed(f"the scheduled run ended as {run['stage']}: {run['error']}")
        release = self.owner.get(f"/releases/{run['release']}").ok
        self.report.ids.update(schedule_run=run["id"], candidate_release=release["id"])
        figures.update(release=release["number"], status=release["status"], model=release["model"])
        if release["status"] != "candidate":
            raise JobFailed("the scheduled release did not wait for approval")
        self.screen.say(
            f"      release {release['number']} ({release['model']}) waits for approval: {release['note']}"
        )

    # -- reusing what an earlier run made --------------------------------------------------------
    def _find_or_create(self, path: str, name: str, **settings: Any) -> Json:
        found = next((item for item in self.owner.every(path) if item["name"] == name), None)
        return found or self.owner.post(path, {"name": name, **settings}).ok

    def _reusable(self, path: str, name: str, *, same_inputs: bool) -> Json | None:
        """What an earlier run stored under `name`, if its inputs are the same now and it did not fail."""
        id = self.report.known(name)
        if id is None or not same_inputs:
            return None
        try:
            found = self.owner.get(f"{path}/{id}").ok
        except ApiError:
            return None
        return None if found["status"] in ("failed", "cancelled", "canceled") else found

    def _is_reused(self, name: str) -> bool:
        return self.report.ids.get(name) == self.report.known(name)


def place(citation: Json) -> str:
    """`[1] rules.pdf p.3 “…”` or `[2] faq.xlsx Sheet1!A5:C5 “…”`."""
    where = (
        f"p.{citation['page']}" if citation["kind"] == "page" else citation["label"] or f"{citation['page']}"
    )
    cells = f"!{citation['cells']}" if citation["cells"] else ""
    return f"[{citation['index']}] {citation['filename']} {where}{cells} 「{citation['quote'][:60]}」"
