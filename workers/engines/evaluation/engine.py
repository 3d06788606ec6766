"""The evaluate engine: the same held-out texts and questions, given to the base and the tuned model."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import torch

from workers.contract.artifacts import write_manifest
from workers.contract.records import MessagesRecord, PairRecord, TextRecord, document_name
from workers.contract.specs.evaluation import (
    BitsPerCharacterTask,
    EvaluationResult,
    EvaluationSpec,
    QuestionAnsweringTask,
)
from workers.contract.specs.gate import judge
from workers.contract.specs.measurement import Answer, AnswerItem, TextItem, recompute
from workers.engines.evaluation.answers import Prompt, Reply, answer, prompt_for
from workers.engines.evaluation.contestants import Contestants, Side, load_contestants
from workers.engines.evaluation.heldout import choose, questions_of, read_heldout
from workers.engines.evaluation.likelihood import text_bits, token_ids
from workers.engines.evaluation.scoring import is_right, overlap
from workers.engines.shared.integrity import require_sound_records
from workers.engines.shared.language_models import load_tokenizer
from workers.engines.shared.runtime import Run, UserError

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

ITEMS_FILE = "items.jsonl"
NEW_TOKEN_COST = 8
"""What a generated token costs beside one that is only read; for the estimate of the time left."""


def evaluate(run: Run, spec: EvaluationSpec) -> EvaluationResult:
    """Measure, write `output/items.jsonl`, and judge. Figures come from the items alone."""
    run.started()
    started = time.monotonic()
    torch.set_num_threads(run.config.threads)
    plan = _Plan(spec, load_tokenizer(spec.base_model))
    run.log(
        "Held-out data chosen.", texts=len(plan.texts), questions=plan.questions, prompts=len(plan.prompts)
    )
    device = "cuda" if torch.cuda.is_available() else "cpu"
    # Bits are summed over thousands of tokens: float32, where it costs no GPU its speed.
    contestants = load_contestants(spec, torch.float32 if device == "cpu" else torch.bfloat16, device)
    clock = _Clock(run, plan.cost() * len(contestants.sides))
    items: list[TextItem | AnswerItem] = list(plan.measure_texts(contestants, clock))
    # Answers are generated in the precision they will be served in.
    contestants.to_precision(torch.bfloat16)
    items += plan.measure_answers(contestants, clock)
    return _conclude(run, spec, plan, items, started)


def _conclude(
    run: Run, spec: EvaluationSpec, plan: _Plan, items: Sequence[TextItem | AnswerItem], started: float
) -> EvaluationResult:
    with open(run.output_dir / ITEMS_FILE, "w", encoding="utf-8") as file:
        for item in items:
            file.write(item.model_dump_json() + "\n")
        file.flush()
        os.fsync(file.fileno())
    figures = recompute(items, spec.bootstrap)
    verdict = judge(spec.gate, figures.differences) if spec.gate and figures.tuned is not None else None
    manifest = write_manifest(
        run.output_dir,
        "evaluation",
        spec_digest=spec.digest(),
        tuned_manifest_sha256=spec.tuned_manifest_sha256,
        bootstrap=spec.bootstrap.model_dump(mode="json"),
        figures=figures.model_dump(mode="json"),
        gate=verdict.model_dump(mode="json") if verdict else None,
    )
    return EvaluationResult(
        base=figures.base,
        tuned=figures.tuned,
        differences=figures.differences,
        gate=verdict,
        texts=len(plan.texts),
        questions=plan.questions,
        items=len(items),
        seconds=time.monotonic() - started,
        manifest_sha256=manifest,
    )


class _Plan:
    """What will be measured: texts as tokens, questions as prompts, and what that will cost."""

    def __init__(self, spec: EvaluationSpec, tokenizer: PreTrainedTokenizerBase) -> None:
        self.tokenizer = tokenizer
        self.text_task = next((t for t in spec.tasks if isinstance(t, BitsPerCharacterTask)), None)
        self.question_task = next((t for t in spec.tasks if isinstance(t, QuestionAnsweringTask)), None)
        self.texts: list[tuple[TextRecord, list[int]]] = []
        self.prompts: list[Prompt] = []
        self._take(spec)
        self.questions = len({prompt.question.record_id for prompt in self.prompts})
        if not self.texts and not self.prompts:
            raise UserError(
                "no_heldout_data",
                "No held-out record fits the tasks. Use a dataset version whose heldout split has texts "
                "or question-answer pairs.",
                param="record_files",
            )

    def _take(self, spec: EvaluationSpec) -> None:
        require_sound_records(spec.record_files, param="record_files")
        records = list(read_heldout(spec.record_files))
        if self.text_task:
            texts = [r for r in records if isinstance(r, TextRecord) and r.text.strip()]
            for record in choose(texts, self.text_task.max_records, spec.seed):
                self.texts.append((record, token_ids(self.tokenizer, record.text)))
        if task := self.question_task:
            asking = [
                r for r in records if isinstance(r, PairRecord | MessagesRecord) and questions_of(r, task)
            ]
            for record in choose(asking, task.max_questions, spec.seed):
                for question in questions_of(record, task):
                    self.prompts.append(prompt_for(self.tokenizer, question, task.max_passage_tokens))
        # Prompts of like length share a batch, and the longest come first: the estimate falls, not rises.
        self.prompts.sort(key=lambda prompt: len(prompt.ids), reverse=True)

    def cost(self) -> float:
        """In tokens read, for one model."""
        return sum(len(ids) for _, ids in self.texts) + sum(map(self.prompt_cost, self.prompts))

    def prompt_cost(self, prompt: Prompt) -> float:
        assert self.question_task is not None
        return len(prompt.ids) + NEW_TOKEN_COST * self.question_task.max_new_tokens

    def measure_texts(self, contestants: Contestants, clock: _Clock) -> Iterator[TextItem]:
        for record, ids in self.texts:
            assert self.text_task is not None
            bits: dict[Side, float] = {}
            for side in contestants.sides:
                with contestants.playing(side) as model:
                    bits[side] = text_bits(model, ids, self.text_task.window_tokens)
                clock.advance(len(ids))
            yield TextItem(
                record_id=record.id,
                document_name=document_name(record.origin),
                characters=len(record.text),
                tokens=len(ids) - 1,
                base_bits=bits["base"],
                tuned_bits=bits.get("tuned"),
            )

    def measure_answers(self, contestants: Contestants, clock: _Clock) -> list[AnswerItem]:
        items: list[AnswerItem] = []
        task = self.question_task
        if task is None:
            return items
        self._refuse_too_long(contestants.context_length - task.max_new_tokens)
        for start in range(0, len(self.prompts), task.batch_size):
            batch = self.prompts[start : start + task.batch_size]
            replies: dict[Side, list[Reply]] = {}
            for side in contestants.sides:
                with contestants.playing(side) as model:
                    replies[side] = answer(
                        model, self.tokenizer, batch, task.max_new_tokens, clock.stop_requested
                    )
                clock.advance(sum(map(self.prompt_cost, batch)))
            for number, prompt in enumerate(batch):
                answers = {side: _judged(prompt, replies[side][number], task) for side in replies}
                items.append(_answer_item(prompt, answers))
        return items

    def _refuse_too_long(self, limit: int) -> None:
        for prompt in self.prompts:
            if len(prompt.ids) > limit:
                raise UserError(
                    "context_too_long",
                    f"A question with its passage takes {len(prompt.ids)} tokens; the model has room for "
                    f"{limit}. Lower max_passage_tokens or max_new_tokens.",
                    param="tasks.question_answering.max_passage_tokens",
                )


def _judged(prompt: Prompt, reply: Reply, task: QuestionAnsweringTask) -> Answer:
    question = prompt.question
    return Answer(
        text=reply.text,
        right=is_right(reply.text, question.reference, question.accepted, task.overlap_threshold),
        overlap=overlap(reply.text, question.reference),
        cut_off=reply.cut_off,
    )


def _answer_item(prompt: Prompt, answers: dict[Side, Answer]) -> AnswerItem:
    question = prompt.question
    return AnswerItem(
        record_id=question.record_id,
        document_name=question.document_name,
        book=question.book,
        question=question.question,
        reference=question.reference,
        accepted=question.accepted,
        base=answers["base"],
        tuned=answers.get("tuned"),
    )


class _Clock:
    """Progress and time left in units of cost; leaves the run when it was asked to stop."""

    def __init__(self, run: Run, total: float) -> None:
        self.run = run
        self.total = total
        self.done = 0.0
        self.started = time.monotonic()

    def stop_requested(self) -> bool:
        return self.run.stop_requested

    def advance(self, cost: float) -> None:
        self.run.raise_if_stopped()
        self.done += cost
        elapsed = time.monotonic() - self.started
        left = elapsed * (self.total - self.done) / self.done
        self.run.progress(round(self.done), round(self.total), "token", round(left, 1))
