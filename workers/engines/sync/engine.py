"""Compare a folder or bucket with what was taken from it, and fetch what is new or changed."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import BinaryIO

from workers.contract.artifacts import write_manifest
from workers.contract.listing import FILES_FOLDER, stored_name
from workers.contract.specs.sync import CHANGES_FILE, BucketOrigin, Change, SyncResult, SyncSpec
from workers.engines.shared.debris import is_debris
from workers.engines.shared.runtime import Run
from workers.engines.sync.folder import Folder
from workers.engines.sync.known import Known
from workers.engines.sync.origins import Found, Origin, Passing

MOST_TOLD = 20
REPORT_EVERY = 100


def sync(run: Run, spec: SyncSpec) -> SyncResult:
    """Write `changes.jsonl` and the folder `files` into the run's output.

    Nothing counts as removed unless the place was listed to its end. Raises UserError: source_unreachable, source_refused,
    access_denied, bucket_missing, folder_missing, endpoint_refused, secret_missing.
    """
    run.started()
    origin = _origin(spec)
    files = run.directory / "fetched"
    files.mkdir(exist_ok=True)
    with (
        Known(run.directory / "known.sqlite", spec.known) as known,
        open(run.output_dir / CHANGES_FILE, "wb") as lines,
    ):
        comparison = _Comparison(run, spec, known, lines, files)
        for found in origin.files():
            comparison.compare(origin, found)
        comparison.remove()
    manifest = write_manifest(run.output_dir, "sync", source_id=spec.source_id)
    # Not part of what the manifest seals: the files become documents, and are then removed from here.
    os.rename(files, run.output_dir / FILES_FOLDER)
    run.progress(max(1, comparison.listed), max(1, comparison.listed), "file")
    return comparison.result(manifest)


def _origin(spec: SyncSpec) -> Origin:
    if isinstance(spec.origin, BucketOrigin):
        from workers.engines.sync.bucket import Bucket

        return Bucket(spec.origin)
    return Folder(spec.origin)


class _Skipped:
    """Files that are not taken: how many, and the first ones."""

    def __init__(self) -> None:
        self._told: dict[str, tuple[int, list[str]]] = {}

    def add(self, code: str, name: str) -> None:
        count, names = self._told.get(code, (0, []))
        shown = name.encode("utf-8", "replace").decode()
        self._told[code] = (count + 1, [*names, shown] if count < MOST_TOLD else names)

    def warnings(self) -> tuple[str, ...]:
        return tuple(
            f"{code}:{count}:{', '.join(names)}{', …' if count > MOST_TOLD else ''}"
            for code, (count, names) in self._told.items()
        )


class _Comparison:
    def __init__(self, run: Run, spec: SyncSpec, known: Known, lines: BinaryIO, files: Path) -> None:
        self.listed = 0
        self._run = run
        self._spec = spec
        self._known = known
        self._lines = lines
        self._files = files
        self._skipped = _Skipped()
        self._counts = {"new": 0, "changed": 0, "same": 0, "removed": 0}
        self._unchanged = 0
        self._left = 0
        self._fetched = 0
        self._fetched_bytes = 0

    def compare(self, origin: Origin, found: Found) -> None:
        self._run.raise_if_stopped()
        if reason := self._reason_to_skip(found):
            self._skipped.add(reason, found.name)
            # A file that cannot be taken any more is not one that is gone.
            self._known.see(found.name.encode("utf-8", "replace").decode())
            return
        if not self._known.see(found.name):
            return
        self.listed += 1
        if self.listed % REPORT_EVERY == 0:
            self._run.progress(self.listed, max(self.listed, self._known.count), "file")
        known = self._known.get(found.name)
        if known is not None and found.mark and known[0] == found.mark:
            self._unchanged += 1
        elif self._fetched >= self._spec.max_files or self._fetched_bytes >= self._spec.max_bytes:
            self._left += 1
        else:
            self._fetch(origin, found, known[1] if known else None)

    def _reason_to_skip(self, found: Found) -> str:
        if found.is_link:
            return "links_skipped"
        if is_debris(found.name):
            return "debris_skipped"
        if not _is_storable(found.name):
            return "names_not_readable"
        if not found.name.lower().endswith(self._spec.endings):
            return "other_types_skipped"
        if found.size > self._spec.max_file_bytes:
            return "large_files_skipped"
        return "empty_files_skipped" if found.size == 0 else ""

    def _fetch(self, origin: Origin, found: Found, known_sha256: str | None) -> None:
        path = self._files / stored_name(self._fetched + 1)
        try:
            size, sha256 = self._read(origin, found, path)
        except Passing:
            path.unlink(missing_ok=True)
            self._skipped.add("files_changing", found.name)
            return
        if sha256 == known_sha256:
            path.unlink()
            self._write(Change(type="same", name=found.name, mark=found.mark, size=size, sha256=sha256))
            return
        self._fetched += 1
        self._write(
            Change(
                type="new" if known_sha256 is None else "changed",
                name=found.name,
                mark=found.mark,
                size=size,
                sha256=sha256,
                stored=path.name,
            )
        )

    def _read(self, origin: Origin, found: Found, path: Path) -> tuple[int, str]:
        digest, size = hashlib.sha256(), 0
        with origin.open(found) as chunks, open(path, "wb") as file:
            for chunk in chunks:
                self._run.raise_if_stopped()
                size += len(chunk)
                self._fetched_bytes += len(chunk)
                if size > self._spec.max_file_bytes:
                    raise Passing
                digest.update(chunk)
                file.write(chunk)
        if size == 0:
            raise Passing
        return size, digest.hexdigest()

    def remove(self) -> None:
        for name in self._known.unseen():
            self._write(Change(type="removed", name=name))

    def _write(self, change: Change) -> None:
        self._counts[change.type] += 1
        self._lines.write(change.model_dump_json().encode() + b"\n")

    def result(self, manifest_sha256: str) -> SyncResult:
        return SyncResult(
            listed=self.listed,
            known=self._known.count,
            fetched_bytes=self._fetched_bytes,
            new=self._counts["new"],
            changed=self._counts["changed"],
            removed=self._counts["removed"],
            unchanged=self._unchanged + self._counts["same"],
            left=self._left,
            warnings=self._skipped.warnings(),
            manifest_sha256=manifest_sha256,
        )


def _is_storable(name: str) -> bool:
    """Bytes of a name that are no UTF-8 are lone surrogates in Python."""
    return not any("\ud800" <= character <= "\udfff" for character in name)
