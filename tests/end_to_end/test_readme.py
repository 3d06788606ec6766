"""The Python code in the README works as it stands there, with the smallest model and one small document."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from demo.client import wait_until
from tests.installation import CAUSAL, TINY, Member

pytestmark = [pytest.mark.services, pytest.mark.ml, pytest.mark.timeout(600)]


def test_code_of_the_readme_runs(repository, owner, reviewer, company, tmp_path, monkeypatch, capsys):
    folder = tmp_path / "demo" / "documents"
    folder.mkdir(parents=True)
    document = company.guide(folder, [company.fact() for _ in range(3)])
    publish_release(owner, reviewer, document)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KOSHA_URL", f"{owner.base_url}/v1")
    monkeypatch.setenv("KOSHA_KEY", owner.api_key)

    code = re.search(r"```python\n(.*?)```", (repository / "README.md").read_text(), re.S)
    assert code is not None
    exec(code[1].replace('"gemma3-270m"', f'"{TINY}"'), {})

    run, status, answer = capsys.readouterr().out.split(maxsplit=2)
    assert (run[:6], status) == ("ftjob-", "queued")
    assert document.name in answer
    # It may have ended.
    assert owner.api.post(f"fine_tuning/jobs/{run}/cancel").status in (200, 409)


def publish_release(owner: Member, reviewer: Member, document: Path) -> None:
    """As the demo does, under the alias `production`."""
    file = owner.api.upload_file(document)["id"]
    store = owner.api.post("vector_stores", {"name": "handbook", "file_ids": [file]}).ok["id"]
    wait_until(
        lambda: owner.api.get(f"vector_stores/{store}").ok, lambda store: store["index_build"] is not None
    )
    body = {"model": CAUSAL, "vector_store": store, "generation": {"max_tokens": 8, "passages": 1}}
    release = owner.api.post("releases", body).ok["id"]
    reviewer.api.post(f"releases/{release}/approve").check()
    owner.api.post(f"releases/{release}/publish", {"alias": "production"}).check()
