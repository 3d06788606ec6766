"""What rarer garbage collection saves at the start of each process, beside the interpreter's own thresholds.

Run: `python -m tests.benchmarks.process_start [--repeat 7]`

Seconds of processor, the median of processes started in turn, so that both sides meet the same machine.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import sys

from tests.benchmarks.retrieval_jsquad import ROOT, machine

STARTS = {
    "train engine": "import workers.train, workers.training.engine, peft",
    "index engine": "import workers.index; from transformers import AutoModel, AutoTokenizer",
    "web": "import config.asgi, config.urls",
}
AS_IT_IS = "import gc; gc.set_threshold = lambda *_: None; "


def processor_seconds(code: str) -> float:
    path = os.pathsep.join([str(ROOT / "platform"), str(ROOT)])
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-c", code], env={**os.environ, "PYTHONPATH": path}, cwd=ROOT, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--repeat", type=int, default=7)
    repeat = parser.parse_args().repeat
    print(f"{machine()}\n\n| | Kosha | the interpreter's thresholds | **ratio** |\n|---|---:|---:|---:|")
    for name, code in STARTS.items():
        pairs = [(processor_seconds(code), processor_seconds(AS_IT_IS + code)) for _ in range(repeat)]
        ours, plain = (statistics.median(side) for side in zip(*pairs, strict=True))
        print(f"| {name} | {ours:.2f} | {plain:.2f} | {ours / plain:.2f}× |")


if __name__ == "__main__":
    main()
