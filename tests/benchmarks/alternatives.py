"""The libraries that Kosha is compared with, where their pins could clash with its own: each in an environment of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).parents[2]
FOLDER = REPOSITORY / "var" / "benchmarks"
PACKAGES = {"hojichar": ("hojichar[dedup]==0.18.1", "datasketch==2.0.0")}


def python_with(name: str) -> Path:
    """The interpreter of the environment of this name, which is made at the first call. Raises CalledProcessError."""
    python = FOLDER / name / "bin" / "python"
    done = FOLDER / name / "installed"
    if not done.exists():
        uv = Path(sys.executable).with_name("uv")
        subprocess.run([uv, "venv", "--quiet", "--clear", FOLDER / name], check=True)
        install = [uv, "pip", "install", "--quiet", "--python", python, *PACKAGES[name]]
        subprocess.run(install, check=True)
        done.touch()
    return python


def run_side(name: str, script: str, *arguments: str) -> dict[str, Any]:
    """What `script` of this folder prints as JSON, run in that environment."""
    command = [python_with(name), Path(__file__).with_name(script), *arguments]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer
