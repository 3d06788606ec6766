"""What the documentation names exists: files, variables, folders, code; and decisions stay short."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from config.env import Environment

ROOT = Path(__file__).resolve().parents[2]
PAGES = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("demo/*.md"), *ROOT.glob("k8s/**/*.md")]
ARCHITECTURE = (ROOT / "docs" / "architecture.md").read_text()
CONFIGURATION = (ROOT / "docs" / "operations" / "configuration.md").read_text()
DECISIONS = sorted((ROOT / "docs" / "decisions").glob("*.md"))
DECISION_WORDS = 300

PATH = re.compile(r"`([\w.-]+/[\w./-]*)(?::(\w+))?`")
NOT_OF_THE_REPOSITORY = {"var", "v1", "KOSHA_VAR", "nvidia.com"}
"""First parts of paths in an installation, of addresses and of media types."""
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


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_path_in_a_page_exists(page):
    """A path in backticks is one of the repository, or of the page's own folder; `path:name` also names code."""
    missing = []
    for path, name in PATH.findall(CODE.sub("", page.read_text())):
        if "<" in path or path.partition("/")[0] in NOT_OF_THE_REPOSITORY:
            continue
        found = next((folder / path for folder in (ROOT, page.parent) if (folder / path).exists()), None)
        if found is None or (name and not re.search(rf"^(?:class|def) {name}\b", found.read_text(), re.M)):
            missing.append(f"{path}:{name}" if name else path)
    assert missing == []


def test_every_variable_is_explained():
    fields = Environment.model_fields.items()
    read = {str(field.validation_alias or f"KOSHA_{name.upper()}") for name, field in fields}
    serving = (ROOT / "workers" / "engines" / "serving" / "settings.py").read_text()
    read |= set(re.findall(r'"(KOSHA_[A-Z_]+)"', serving))
    assert read - set(re.findall(r"`([A-Z][A-Z_]+)`", CONFIGURATION)) == set()


def test_file_tree_names_every_app_and_only_existing_folders():
    tree = next(code for _language, code in CODE.findall(ARCHITECTURE) if code.startswith("manage.py"))
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


def test_architecture_answers_five_questions_with_code():
    section = ARCHITECTURE.partition("## Five questions")[2].partition("\n## ")[0]
    rows = [line for line in section.splitlines() if line.startswith("|")][2:]
    assert len(rows) == 5
    for row in rows:
        assert [name for _path, name in PATH.findall(row) if name], row


def test_architecture_has_a_picture_of_the_floors_and_one_of_a_document():
    assert [language for language, _code in CODE.findall(ARCHITECTURE)].count("mermaid") == 2


def test_readme_stays_short():
    assert len((ROOT / "README.md").read_text().splitlines()) <= 130


def test_index_of_decisions_is_complete():
    listed = LINK.findall((ROOT / "docs" / "decisions" / "README.md").read_text())
    others = {page.name for page in DECISIONS} - {"README.md"}
    assert others == {name for name in listed if "/" not in name}


@pytest.mark.parametrize("page", DECISIONS, ids=lambda page: page.name)
def test_decision_is_short_and_complete(page):
    if page.name == "README.md":
        return
    text = page.read_text()
    assert len(text.split()) < DECISION_WORDS
    assert [part for part in ("**Context.**", "**Decision.**", "**Consequences.**") if part not in text] == []


def test_every_make_target_that_is_named_exists():
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.M))
    named = {name for page in PAGES for name in re.findall(r"`make ([a-z-]+)", page.read_text())}
    assert len(named) > 3
    assert named - targets == set()


def test_every_module_that_make_runs_can_be_run():
    modules = set(re.findall(r"-m ((?:workers|demo|tests)[\w.]*)", (ROOT / "Makefile").read_text()))
    assert len(modules) > 3
    files = {module: ROOT / module.replace(".", "/") for module in modules}
    runnable = {
        module
        for module, path in files.items()
        if path.with_suffix(".py").exists() or (path / "__main__.py").exists()
    }
    assert modules - runnable == set()
