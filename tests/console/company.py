"""An organization with members, documents and datasets; what engines do is written by hand."""

from __future__ import annotations

import json

from django.test import Client

from accounts.models import Organization, Role, User
from accounts.services import membership_set, user_create
from audit.services import SYSTEM, Actor
from common.permissions import PAGE_ORGANIZATION_HEADER
from common.storage import artifact_path
from common.tenancy import organization_scope
from curation.models import Dataset, DatasetVersion
from curation.services import dataset_create, dataset_version_create
from documents.models import Document, Revision, RevisionState
from documents.services import document_upload
from jobs.produced import ProducedState

PASSWORD = "soba-to-udon-2026"


class Company:
    """Makes an organization's rows through its services; what engines do is written by hand."""

    def __init__(self, slug: str) -> None:
        self.organization = Organization.objects.create(name=f"{slug}商事", slug=slug)
        self.slug = slug

    def scope(self):
        return organization_scope(self.organization.id)

    def user(self, role: str | None) -> User:
        email = f"{role or 'nobody'}@{self.slug}.example"
        user = User.objects.filter(email=email).first()
        if user is None:
            user = user_create(email=email, name=f"{role} さん", password=PASSWORD)
            if role is not None:
                membership_set(
                    organization_id=self.organization.id, user=user, role=role, actor=SYSTEM, by_role=None
                )
        return user

    def client(self, role: str | None = Role.OWNER, language: str = "en") -> Client:
        client = Client(headers={PAGE_ORGANIZATION_HEADER: self.organization.id})
        client.force_login(self.user(role))
        client.cookies["django_language"] = language
        return client

    def document(
        self, name: str = "就業規則.txt", *, state: str = "processed", pages: int = 2, text: str = ""
    ) -> Document:
        with self.scope():
            document = document_upload(
                name=name,
                purpose="user_data",
                chunks=[(text or name).encode()],
                media_type="text/plain",
                actor=SYSTEM,
            )
            revision = document.current_revision
            assert revision is not None
            if state == RevisionState.PROCESSED:
                self._read(revision, pages, text)
            Revision.objects.filter(pk=revision.pk).update(
                state=state,
                pages=pages if state == RevisionState.PROCESSED else 0,
                error_code="ingest.user.encrypted" if state == RevisionState.FAILED else "",
                error_message="It is encrypted." if state == RevisionState.FAILED else "",
            )
            return Document.objects.select_related("current_revision").get(pk=document.pk)

    def _read(self, revision: Revision, pages: int, text: str) -> None:
        folder = artifact_path(revision.organization_id, "pages", revision.id)
        folder.mkdir(parents=True)
        lines = [
            {
                "kind": "page",
                "number": number,
                "label": None,
                "text": text or f"第{number}条 本文",
                "tables": [],
            }
            for number in range(1, pages + 1)
        ]
        _write_lines(folder / "pages.jsonl", lines)

    def dataset(self, name: str = "社内規程") -> Dataset:
        with self.scope():
            return dataset_create(name=name, description="規程の集まり", recipe=None, actor=SYSTEM)

    def version(self, dataset: Dataset, document: Document, *, state: str = "ready") -> DatasetVersion:
        """A version of one document with 25 records, one pair and one dropped unit."""
        with self.scope():
            version = dataset_version_create(
                dataset=dataset, documents=[document], heldout_share=0.1, actor=SYSTEM
            )
            if state == ProducedState.READY:
                self._curated(version, document)
            DatasetVersion.objects.filter(pk=version.pk).update(state=state)
            return DatasetVersion.objects.select_related("dataset", "job").get(pk=version.pk)

    def _curated(self, version: DatasetVersion, document: Document) -> None:
        source = {
            "document_id": document.id,
            "revision_id": document.current_revision_id,
            "document_name": document.name,
            "kind": "page",
            "number": 2,
            "label": None,
            "cells": None,
        }
        origin = {"type": "document", "source": source}
        folder = artifact_path(version.organization_id, "datasets", version.id)
        folder.mkdir(parents=True)
        texts = [
            {"type": "text", "id": f"{n:016}", "text": f"記録{n}の本文", "origin": origin, "split": "train"}
            for n in range(25)
        ]
        pair = {
            "type": "pair",
            "id": "p",
            "question": "何日？",
            "answer": "10日",
            "accepted": ["10日", "十日"],
            "origin": origin,
            "split": "heldout",
        }
        _write_lines(folder / "records.jsonl", [pair, *texts])
        gone = {
            "step": "near_duplicate",
            "reason": "near_duplicate",
            "detail": f"like {3:016}",
            "text": "重複",
            "origin": origin,
        }
        _write_lines(folder / "dropped.jsonl", [gone])
        result = {
            "records": 25,
            "pairs": 1,
            "heldout_records": 0,
            "heldout_pairs": 1,
            "dropped": 1,
            "characters": 200,
            "masked": {"phone": 3},
            "dropped_by_reason": {"near_duplicate": 1},
            "kept_and_dropped_by_step": [
                {"step": "near_duplicate", "units_in": 27, "units_out": 26, "dropped": 1, "changed": 0}
            ],
            "manifest_sha256": "ab" * 32,
        }
        DatasetVersion.objects.filter(pk=version.pk).update(result=result, manifest_sha256="ab" * 32)

    def actor(self, role: str = Role.OWNER) -> Actor:
        user = self.user(role)
        return Actor("user", user.id, user.name)


def _write_lines(path, lines) -> None:
    path.write_text("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines), encoding="utf-8")
