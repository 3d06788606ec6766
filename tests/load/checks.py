"""What must hold at the end of a run: each check counts violations and names them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tests.load.counters import markdown

SHOWN = 10


@dataclass(frozen=True)
class CheckResult:
    name: str
    violations: tuple[str, ...]

    @property
    def holds(self) -> bool:
        return not self.violations


def render_checks(results: Sequence[CheckResult]) -> str:
    """A table of all checks, then the first violations of each."""
    rows = [(result.name, str(len(result.violations))) for result in results]
    lines = [markdown(("check", "violations"), rows)]
    for result in results:
        lines += [f"- {result.name}: {violation}" for violation in result.violations[:SHOWN]]
        if len(result.violations) > SHOWN:
            lines.append(f"- {result.name}: and {len(result.violations) - SHOWN} more")
    return "\n".join(lines)


def exit_code(results: Sequence[CheckResult]) -> int:
    return 0 if all(result.holds for result in results) else 1
