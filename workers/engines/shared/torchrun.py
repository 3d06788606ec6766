"""torchrun for the ranks of one run on this machine, ending as they ended.

    python -m workers.engines.shared.torchrun --standalone --nproc-per-node 2 -m workers.engines.training config.json

torchrun itself ends with 1 whatever happened. Whether a rank was killed from outside (by the kernel,
out of memory, or by hand) or said by its exit code what is wrong decides about a retry.
"""

from __future__ import annotations

import os
import signal
import sys


def code_of(codes: list[int]) -> int:
    """One exit code for all ranks: a killed rank explains what the others said."""
    return -signal.SIGKILL if -signal.SIGKILL in codes else min(code for code in codes if code)


def end_with(code: int) -> None:
    """As a process ends with `code`: by itself, or by signal `-code`."""
    if code < 0 and -code != signal.SIGKILL:
        signal.signal(-code, signal.SIG_DFL)
    if code < 0:
        os.kill(os.getpid(), -code)
    sys.exit(code)


def main() -> None:
    from torch.distributed import run  # seconds; `code_of` needs none of it
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError

    # No restarts of its own: the database owns retries.
    try:
        run.main(["--max-restarts", "0", *sys.argv[1:]])
    except ChildFailedError as error:
        print(error, file=sys.stderr)  # noqa: T201 - engine.log
        end_with(code_of([failure.exitcode for failure in error.failures.values()]))


if __name__ == "__main__":
    main()
