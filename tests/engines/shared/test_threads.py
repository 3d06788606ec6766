"""An engine computes with as many threads as its run is granted, from one moment to the next."""

from __future__ import annotations

import pytest

from workers.contract.run_folder import RunFolder
from workers.engines.shared import threads
from workers.engines.shared.runtime import Run
from workers.engines.shared.threads import GrantedThreads

pytestmark = pytest.mark.ml


@pytest.fixture
def folder(run: Run, monkeypatch: pytest.MonkeyPatch) -> RunFolder:
    import torch

    monkeypatch.setattr(threads, "LOOK_SECONDS", 0.0)
    before = torch.get_num_threads()
    yield RunFolder(run.directory)
    torch.set_num_threads(before)


def test_follows_what_is_granted(run: Run, folder: RunFolder) -> None:
    import torch

    granted = GrantedThreads(run)
    assert torch.get_num_threads() == run.config.threads == 1
    for count in (3, 2, 3):
        folder.write_threads(count)
        assert not granted.stop_requested()
        assert torch.get_num_threads() == granted.count == count
    run.request_stop()
    assert granted.stop_requested()


def test_begins_with_what_is_granted_already(run: Run, folder: RunFolder) -> None:
    folder.write_threads(2)
    assert GrantedThreads(run).count == 2


@pytest.mark.parametrize("content", ["", "{}", '{"threads": "many"}', '{"threads": 0}', "[]"])
def test_keeps_at_least_one_thread_whatever_the_file_holds(run: Run, folder: RunFolder, content: str) -> None:
    folder.threads.write_text(content)
    assert GrantedThreads(run).count == 1


def test_looks_no_more_often_than_needed(
    run: Run, folder: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(threads, "LOOK_SECONDS", 60.0)
    granted = GrantedThreads(run)
    folder.write_threads(2)
    granted.follow()
    assert granted.count == 1
