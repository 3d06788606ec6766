"""Signs of life of the processes that listen on no port: beat and the workers."""

from __future__ import annotations

from django.db import models


class SignOfLife(models.Model):
    """The newest tick of a process, by the database's clock; belongs to the installation."""

    name = models.CharField(max_length=200, primary_key=True)
    """`beat`, or `worker` and its host."""
    seen_at = models.DateTimeField()
