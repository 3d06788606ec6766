"""The engine of a kind of job that only a test knows: it adds numbers."""

from __future__ import annotations

from typing import Any

from workers.contract.spec import Spec
from workers.engines.shared.runtime import Run, UserError, run_engine


class ToySpec(Spec):
    numbers: tuple[int, ...]


class ToyResult(Spec):
    total: int


def add(run: Run, spec: ToySpec) -> dict[str, Any]:
    run.started()
    if not spec.numbers:
        raise UserError("nothing_to_add", "There is no number.", param="numbers")
    for done, _number in enumerate(spec.numbers, 1):
        run.progress(done, len(spec.numbers), "number")
    return {"total": sum(spec.numbers)}


if __name__ == "__main__":
    run_engine("toy", ToySpec, add)
