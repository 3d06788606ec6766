"""The exit code of a run under torchrun is computed from those of its ranks."""

from __future__ import annotations

import subprocess
import sys

import pytest

from workers.engines.shared.torchrun import code_of

RANK = "import os, signal; os.environ['RANK'] == '1' and {what}"
KILLED = "os.kill(os.getpid(), signal.SIGKILL)"


@pytest.mark.parametrize(
    ("codes", "code"), [([-9, 3], -9), ([3, -9], -9), ([3], 3), ([0, 2], 2), ([143, -11], -11), ([143, 143], 143)]
)  # fmt: skip
def test_combines_the_exit_codes_of_all_ranks(codes, code):
    assert code_of(codes) == code


@pytest.mark.ml
@pytest.mark.parametrize(("what", "code"), [(KILLED, -9), ("os._exit(3)", 3), ("os._exit(0)", 0)])
def test_the_run_ends_with_the_code_of_its_rank(tmp_path, repository, what, code):
    script = tmp_path / "rank.py"
    script.write_text(RANK.format(what=what))
    command = [
        sys.executable,
        "-m",
        "workers.engines.shared.torchrun",
        "--standalone",
        "--nproc-per-node",
        "2",
        str(script),
    ]
    assert subprocess.run(command, cwd=repository, capture_output=True, timeout=120).returncode == code
