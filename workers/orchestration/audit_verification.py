"""Verify the chains of the audit trail."""

from __future__ import annotations

from celery import shared_task

from audit.services import chains_verify


@shared_task(name="audit.verify")
def verify_task() -> None:
    chains_verify()
