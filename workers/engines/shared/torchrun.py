"""torchrun for the ranks of one run on this machine; its exit code reports how the ranks ended.

    python -m workers.engines.shared.torchrun --standalone --nproc-per-node 2 -m workers.engines.training config.json

torchrun itself exits with 1 after any failure. Whether the run is tried again depends on how its rank ended:
killed from outside (by the kernel for lack of memory, or by hand), or with an exit code of its own.
"""

from __future__ import annotations

import os
import signal
import sys


def code_of(codes: list[int]) -> int:
    """One exit code for all ranks. A killed rank comes first: it makes the others fail."""
    return -signal.SIGKILL if -signal.SIGKILL in codes else min(code for code in codes if code)


def end_with(code: int) -> None:
    """End this process with exit code `code`, or by signal `-code` where it is negative."""
    if code < 0 and -code != signal.SIGKILL:
        signal.signal(-code, signal.SIG_DFL)
    if code < 0:
        os.kill(os.getpid(), -code)
    sys.exit(code)


def main() -> None:
    from torch.distributed import run  # takes seconds; `code_of` does not need it
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError

    # No restarts by torchrun: the database decides about retries.
    try:
        run.main(["--max-restarts", "0", *sys.argv[1:]])
    except ChildFailedError as error:
        print(error, file=sys.stderr)  # noqa: T201 - engine.log
        end_with(code_of([failure.exitcode for failure in error.failures.values()]))


if __name__ == "__main__":
    main()
