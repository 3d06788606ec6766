"""Which modules import which, what each process loads, and that no name hides another module."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ML_LIBRARIES = {
    *("torch", "transformers", "peft", "accelerate", "deepspeed", "faiss", "numpy", "scipy", "sklearn"),
    *("tokenizers", "safetensors", "sentencepiece", "gguf", "sudachipy", "pypdfium2", "kreuzberg"),
    *("langchain", "langchain_core", "langchain_text_splitters", "rensa"),
}


def fresh_python(repository: Path, code: str, **environment: str) -> str:
    """What `code` prints in a new interpreter with the product's import path."""
    path = os.pathsep.join([str(repository / "platform"), str(repository)])
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": path, **environment},
        cwd=repository,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def apps(repository: Path) -> list[str]:
    return sorted(path.parent.name for path in (repository / "platform").glob("*/__init__.py"))


@pytest.mark.slow
def test_web_loads_no_machine_learning_library(repository):
    code = (
        "import json, sys\n"
        "import config.asgi\n"
        "from django.urls import get_resolver\n"
        "get_resolver().url_patterns\n"
        "print(json.dumps(sorted({name.partition('.')[0] for name in sys.modules})))"
    )
    loaded = set(json.loads(fresh_python(repository, code)))
    assert "django" in loaded
    assert loaded & ML_LIBRARIES == set()


@pytest.mark.slow
def test_celery_tasks_load_no_machine_learning_library(repository):
    code = (
        "import json, sys\n"
        "from workers.orchestration.app import app\n"
        "app.loader.import_default_modules()\n"
        "print(json.dumps(sorted({name.partition('.')[0] for name in sys.modules})))"
    )
    loaded = set(json.loads(fresh_python(repository, code)))
    assert "celery" in loaded
    assert loaded & ML_LIBRARIES == set()


def test_contracts_know_every_app(repository):
    """A contract that lists apps lists all of them, so that no new app escapes a rule."""
    linter = tomllib.loads((repository / "pyproject.toml").read_text())["tool"]["importlinter"]
    known = set(apps(repository))
    assert set(linter["root_packages"]) == known | {"workers"}
    layers = {name.strip("() ") for layer in linter["contracts"][0]["layers"] for name in layer.split("|")}
    lists = {"layers": {name for name in layers if not name.startswith("workers.")}}
    for contract in linter["contracts"]:
        for key in ("source_modules", "forbidden_modules", "ancestors"):
            named = set(contract.get(key, ())) & known
            if named:
                lists[f"{contract['name']}: {key}"] = named
    assert {name: sorted(known - named) for name, named in lists.items() if named != known} == {}
    assert len(lists) == 4


def test_platform_is_no_package(repository):
    assert not (repository / "platform" / "__init__.py").exists()
    found = fresh_python(repository, "import platform; print(platform.__file__)").strip()
    assert Path(found).parent == Path(os.__file__).parent


def test_names_hide_no_other_module(repository):
    ours = {*apps(repository), *(path.stem for path in repository.glob("*.py")), "workers", "demo"}
    taken = set(sys.stdlib_module_names) | set(packages_distributions())
    assert ours & taken == set()


@pytest.mark.slow
@pytest.mark.parametrize(
    "entry", ["ingest", "curation", "training", "evaluation", "retrieval", "export", "serving", "conversion"]
)
def test_engine_is_importable_without_django(repository, entry):
    code = f"import sys, workers.engines.{entry}.__main__; print(sorted(name for name in sys.modules if name == 'django'))"
    assert fresh_python(repository, code, DJANGO_SETTINGS_MODULE="").strip() == "[]"


def test_supervisor_needs_no_django(repository):
    code = "import sys, stack.composition, stack.supervisor; print('django' in sys.modules)"
    assert fresh_python(repository, code, DJANGO_SETTINGS_MODULE="").strip() == "False"
