"""Makes a forked process look as one that was started by itself: environment, command line, threads, random numbers.

The environment is shown in /proc as it was at the last `exec`. There the platform finds the processes of a run, so it
is overwritten in place, as programs do that change their title.
"""

from __future__ import annotations

import ctypes
import os
import random
import re
import runpy
import sys
import traceback
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

from workers.contract.process_identity import PROC, stat_fields
from workers.contract.run_folder import RUN_DIR_VARIABLE

_ARGUMENTS, _ENVIRONMENT = (45, 46), (47, 48)
"""Where `stat_fields` has begin and end of both in memory."""
_THREAD_LIMITS = {
    "libgomp": ("omp_set_num_threads",),
    "openblas": (
        "scipy_openblas_set_num_threads64_",
        "openblas_set_num_threads64_",
        "openblas_set_num_threads",
    ),
}
"""By a part of the library's file name: what limits the threads of a library that read its environment long ago."""


def take_environment(environment: Mapping[str, str]) -> None:
    """Take on the environment of a run. Raises OSError where /proc does not show it."""
    os.environ.clear()
    os.environ.update(environment)
    mark = f"{RUN_DIR_VARIABLE}={environment[RUN_DIR_VARIABLE]}\0".encode()
    _overwrite(_ENVIRONMENT, mark)
    if not (PROC / "self" / "environ").read_bytes().startswith(mark):
        raise OSError("the run folder does not fit into the environment that /proc shows")
    random.seed()
    if (numpy := sys.modules.get("numpy")) is not None:
        numpy.random.seed()
    limit_threads(int(environment.get("OMP_NUM_THREADS", "1")))


def show_command(command: Sequence[str]) -> None:
    """As much of it as there is room for."""
    _overwrite(_ARGUMENTS, "\0".join(command).encode())


def _overwrite(place: tuple[int, int], content: bytes) -> None:
    begin, end = (int(stat_fields(os.getpid())[field]) for field in place)
    ctypes.memset(begin, 0, end - begin)
    # The last byte stays zero: else the kernel reads on into what follows.
    ctypes.memmove(begin, content, min(len(content), end - begin - 1))


def limit_threads(count: int) -> None:
    for path in _loaded_libraries():
        for part, functions in _THREAD_LIMITS.items():
            if part in Path(path).name:
                library = ctypes.CDLL(path)
                for function in functions:
                    with suppress(AttributeError):
                        getattr(library, function)(count)


def _loaded_libraries() -> set[str]:
    maps = (PROC / "self" / "maps").read_text()
    return set(re.findall(r"(/\S+\.so[.\d]*)$", maps, flags=re.MULTILINE))


def run_module(command: Sequence[str]) -> NoReturn:
    """Run `python -m <module> <arguments>` in this process, and end it as the interpreter would."""
    show_command(command)
    _python, _option, module, *arguments = command
    sys.argv = [module, *arguments]
    code: object = 0
    try:
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    except SystemExit as end:
        code = end.code
    except BaseException:
        traceback.print_exc()
        code = 1
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError):
            stream.flush()
    os._exit(code if isinstance(code, int) else int(code is not None))
