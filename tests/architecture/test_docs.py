"""What the documentation names exists: files, variables, folders; and its Python is Python."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from config.env import Environment

ROOT = Path(__file__).resolve().parents[2]
PAGES = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("demo/*.md"), *ROOT.glob("k8s/**/*.md")]
README = (ROOT / "README.md").read_text()

LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
CODE = re.compile(r"```(\w*)\n(.*?)```", re.S)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page):
    targets = [target.partition("#")[0] for target in LINK.findall(CODE.sub("", page.read_text()))]
    local = [target for target in targets if target and "://" not in target]
    assert [target for target in local if not (page.parent / target).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_python_in_a_page_compiles(page):
    for language, code in CODE.findall(page.read_text()):
        if language == "python":
            compile(code, str(page), "exec")


def test_every_variable_is_explained():
    fields = Environment.model_fields.items()
    read = {str(field.validation_alias or f"KOSHA_{name.upper()}") for name, field in fields}
    serving = (ROOT / "workers" / "engines" / "serving" / "settings.py").read_text()
    read |= set(re.findall(r'"(KOSHA_[A-Z_]+)"', serving))
    assert read - set(re.findall(r"`([A-Z][A-Z_]+)`", README)) == set()


def test_the_file_tree_is_true():
    tree = next(code for language, code in CODE.findall(README) if code.startswith("manage.py"))
    drawn, above = set(), ""
    for line in tree.splitlines():
        inside = line.startswith("  ")
        names = re.match(r"\s*((?:[\w./]+ )*[\w./]+)(?:\s{2,}|$)", line)
        assert names, line
        for name in names[1].split():
            drawn.add(f"{above}{name}" if inside else name)
        above = above if inside else names[1].split()[0]
    assert {name for name in drawn if not (ROOT / name).exists()} == set()
    apps = {
        f"platform/{path.name}/" for path in (ROOT / "platform").iterdir() if (path / "__init__.py").exists()
    }
    assert apps - drawn == set()


def test_the_index_of_decisions_is_complete():
    folder = ROOT / "docs" / "decisions"
    listed = set(LINK.findall((folder / "README.md").read_text()))
    assert {page.name for page in folder.glob("*.md")} - {"README.md"} == listed


def test_every_make_target_that_is_named_exists():
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.M))
    named = {name for page in PAGES for name in re.findall(r"`make ([a-z-]+)", page.read_text())}
    assert len(named) > 3
    assert named - targets == set()
