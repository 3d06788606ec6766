"""Links between rows of different apps, for templates of apps that do not import one another: `{% load lineage %}`.

{% with_subjects page.items as rows %}{% for job, subject in rows %}...
{% uses document as uses %}
{% served_from knowledge_base as aliases %}
{% read_by job as files %}
"""

from __future__ import annotations

from collections.abc import Iterable

from django import template
from django.db.models import Model

from console.indexes import outdated_indexes, with_deployments
from console.lineage import Several, aliases_of, read_by, subjects_of, uses_of
from jobs.models import Job

register = template.Library()
register.simple_tag(uses_of, name="uses")
register.simple_tag(read_by)
register.simple_tag(with_deployments)
register.simple_tag(outdated_indexes)
register.simple_tag(aliases_of, name="served_from")


@register.simple_tag
def with_subjects(jobs: Iterable[Job]) -> list[tuple[Job, Model | Several | None]]:
    """Each job with what it works on, with one query for each kind of job."""
    listed = list(jobs)
    found = subjects_of(listed)
    return [(job, found.get(job.id)) for job in listed]


@register.simple_tag
def subject(job: Job) -> Model | Several | None:
    return subjects_of([job]).get(job.id)
