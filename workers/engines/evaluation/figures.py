"""The figures of an evaluation, computed from its items alone."""

from __future__ import annotations

from collections.abc import Sequence

from workers.contract.specs.measurement import Bootstrap, Difference, Figure
from workers.contract.specs.tasks.declaration import Item
from workers.engines.evaluation.tasks import TASKS


def compute_figures(
    items: Sequence[Item], pairs: Sequence[tuple[str, str]], bootstrap: Bootstrap
) -> tuple[list[Figure], list[Difference]]:
    """Figures of every candidate in every metric, and differences of the (candidate, baseline) pairs.

    The same items give the same figures to the last digit. A metric that nothing was measured for is absent.
    """
    figures: list[Figure] = []
    differences: list[Difference] = []
    for name, task in TASKS.items():
        of_task = [item for item in items if item.task == name]
        for candidate in dict.fromkeys(name for item in of_task for name in item.results):
            measured = [item for item in of_task if candidate in item.results]
            for metric, sample in task.aggregate(measured, candidate).items():
                estimate = sample.estimate(bootstrap).model_dump()
                figures.append(Figure(task=name, metric=metric, candidate=candidate, **estimate))
        for candidate, baseline in pairs:
            both = [item for item in of_task if {candidate, baseline} <= item.results.keys()]
            theirs = task.aggregate(both, baseline)
            for metric, ours in task.aggregate(both, candidate).items():
                estimate = ours.minus(theirs[metric]).estimate(bootstrap).model_dump()
                difference = {"task": name, "metric": metric, "candidate": candidate, "baseline": baseline}
                differences.append(Difference(**difference, **estimate))
    return figures, differences
