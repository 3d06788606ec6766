"""Jobs, their events, and the clusters they run on.

`jobs/services.py` is the only writer; a trigger (see `jobs/transitions.py`) refuses illegal moves.
"""

from __future__ import annotations

from pathlib import Path

from django.db import models
from django.db.models import Q
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from common.ids import PrefixedIdField
from common.models import CreatedModel, TenantModel
from common.places import PlaceJSONField
from common.storage import run_path
from jobs.failures import FailureModel
from jobs.transitions import STOPPABLE, JobState

LIGHT_MEMORY_BYTES = 4 << 30
"""For each light job at most; less where it would be more than a quarter of the cluster."""


class LauncherName(models.TextChoices):
    LOCAL = "local", _("This machine")
    KUBERNETES = "kubernetes", _("Kubernetes")
    NULL = "null", _("None (tests)")


class WaitsFor(models.TextChoices):
    """Why a job that is due has not been started; empty before dispatch has looked at it."""

    PLACE = "place", _("a place on the cluster")
    DISK = "disk", _("space on the disk")
    WORKERS = "workers", _("workers of a newer release")


class Cluster(CreatedModel):
    """Machines that run jobs; they belong to the installation and are lent to organizations."""

    id = PrefixedIdField("cluster_")
    name = models.SlugField(_("name"), max_length=60, unique=True)
    launcher = models.CharField(_("launcher"), max_length=16, choices=LauncherName.choices)
    cpus = models.PositiveIntegerField(_("CPU cores"))
    gpus = models.PositiveIntegerField(_("GPUs"), default=0)
    memory_bytes = models.PositiveBigIntegerField(_("memory in bytes"))
    light_slots = models.PositiveIntegerField(
        _("light jobs at once"),
        default=3,
        help_text=_(
            "Jobs without cores of their own, such as reading a document. The last place is for short ones."
        ),
    )
    is_shared = models.BooleanField(
        _("open to every organization"),
        default=False,
        help_text=_("Without it an organization needs a grant."),
    )
    is_active = models.BooleanField(_("takes new jobs"), default=True)
    measured_cpus = models.PositiveIntegerField(null=True)
    """Last measured on this machine; other `cpus` were set by hand. Null for a cluster that is not this machine."""
    measured_memory_bytes = models.PositiveBigIntegerField(null=True)
    parser_isolation = models.CharField(max_length=16, default="", blank=True)
    """How the parser of the last document that was read there was isolated (`workers.contract.specs.ingest`)."""
    ocr = models.CharField(max_length=16, default="", blank=True)
    """The engine for text in pictures that the machine had then, `none` without one; empty: not known."""

    def __str__(self) -> str:
        return self.name

    @property
    def light_long_slots(self) -> int:
        """For light jobs that may take minutes: a place stays that is free again soon."""
        return min(self.light_slots, max(1, self.light_slots - 1))

    def memory_share(self, *, light: bool) -> int:
        """Light jobs have a part of the memory for themselves, so that neither kind waits for the other's."""
        reserved = min(self.memory_bytes // 4, self.light_slots * LIGHT_MEMORY_BYTES)
        return reserved if light else self.memory_bytes - reserved


class ClusterGrant(TenantModel):
    """An organization may use a cluster."""

    id = PrefixedIdField("grant_")
    cluster = models.ForeignKey(Cluster, on_delete=models.CASCADE, related_name="grants")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["organization", "cluster"], name="one_cluster_grant_each")
        ]


class Job(FailureModel, TenantModel):
    """Anything that takes more than a second. The row of what it makes points at its job, not the reverse."""

    id = PrefixedIdField("job_")
    kind = models.CharField(max_length=16)
    """The name of its type (`jobs.types`)."""
    state = models.CharField(max_length=16, choices=JobState.choices, default=JobState.QUEUED)
    spec = PlaceJSONField()
    """The spec class of its type as JSON."""
    release = models.CharField(max_length=32, db_default="")
    """The newest release that wrote the spec or started an attempt. Workers of an older release leave the job
    alone, for specs, events and results refuse unknown fields. The default is the database's, because the
    web of an older release writes none."""

    # -- who asked for it, and the key that makes a repeated request harmless -----------------
    idempotency_key = models.CharField(max_length=255, null=True)
    request_digest = models.CharField(max_length=64)
    actor_kind = models.CharField(max_length=16)
    actor_id = models.CharField(max_length=64)
    actor_label = models.CharField(max_length=200)

    # -- its cluster and what it takes of it ---------------------------------------------------
    cluster = models.ForeignKey(Cluster, on_delete=models.PROTECT, related_name="+")
    priority = models.SmallIntegerField(default=0)
    """Among the waiting jobs of one organization the higher goes first; equals go by age."""
    processes = models.PositiveIntegerField(default=1)
    cpus = models.PositiveIntegerField()
    gpus = models.PositiveIntegerField(default=0)
    memory_bytes = models.PositiveBigIntegerField()
    light = models.PositiveSmallIntegerField(default=0)
    """1 for a job without cores of its own."""
    light_long = models.PositiveSmallIntegerField(default=0)
    """1 for a light job that may take minutes."""

    disk_bytes = models.PositiveBigIntegerField(null=True)
    """Space on the disk that it is expected to take; estimated when dispatch first looks at it."""
    waits_for = models.CharField(max_length=8, choices=WaitsFor.choices, default="", blank=True)

    # -- the current attempt ------------------------------------------------------------------
    fence = models.PositiveIntegerField(default=0)
    """Rises with every claim. Each later write names it, so that a late writer changes nothing."""
    attempt = models.PositiveIntegerField(default=0)
    claimed_at = models.DateTimeField(null=True)
    """When the current attempt was claimed; the organization that was served last is served last again."""
    handle = models.JSONField(null=True)
    """What the launcher answered, for people; the launcher itself finds a run by id and fence."""
    not_before = models.DateTimeField(null=True)
    """After a failure: when the next attempt may start."""
    lease_until = models.DateTimeField(null=True)
    """By the database's clock; renewed whenever the engine's heartbeat has changed."""
    heartbeat_mtime = models.BigIntegerField(default=0)
    """The heartbeat file's modification time (ns) as last seen. It is compared, never subtracted, so that a
    wrong clock kills no healthy engine."""
    polled_at = models.DateTimeField(null=True)
    stop_deadline = models.DateTimeField(null=True)
    """When an engine that was asked to stop is killed; null until it was asked."""

    # -- what its engine reported ----------------------------------------------------------------
    events_offset = models.PositiveBigIntegerField(default=0)
    """Bytes of the attempt's `events.jsonl` that have been imported."""
    events_sequence = models.BigIntegerField(default=-1)
    """The sequence of the last imported event."""
    progress_done = models.FloatField(null=True)
    progress_total = models.FloatField(null=True)
    progress_unit = models.CharField(max_length=32, default="")
    seconds_left = models.FloatField(null=True)
    progress_seen_at = models.DateTimeField(null=True)
    """When progress was last seen, by the database's clock."""
    last_event_time = models.FloatField(null=True)
    """The node's own time of the newest progress event; only differences of it are used."""
    step_seconds = models.JSONField(default=list)
    """The newest gaps between progress events; a stall is judged by their median."""

    # -- budgets of retries ---------------------------------------------------------------------
    losses = models.PositiveSmallIntegerField(default=0)
    """Attempts lost since the last checkpoint."""
    failures_since_checkpoint = models.PositiveSmallIntegerField(default=0)
    """System failures since the last checkpoint."""
    checkpoint_step = models.BigIntegerField(null=True)
    failed_code = models.CharField(max_length=120, default="")
    failed_at = models.FloatField(null=True)
    """The progress at which `failed_code` happened."""

    # -- the end --------------------------------------------------------------------------------
    result = models.JSONField(null=True)
    """`RunResult.output` of the attempt that succeeded."""
    started_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    finalized_at = models.DateTimeField(null=True)
    """Set once the row of what it made is complete; until then its success is not shown."""
    finalize_failures = models.PositiveIntegerField(default=0)
    finalize_after = models.DateTimeField(null=True)
    cleaned_at = models.DateTimeField(null=True)
    """Set once the run folders are reduced to what is kept; null for every job that still needs work."""
    has_metrics = models.BooleanField(default=False)
    """Its engine has written `metrics` events, which make a curve."""
    thinned_at = models.DateTimeField(null=True)
    """Set once its curve is reduced to the points that are kept for good."""

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["organization", "idempotency_key"], name="job_idempotency"),
        ]
        indexes = [
            models.Index(fields=["organization", "-id"], name="job_newest"),
            models.Index(fields=["organization", "kind", "-id"], name="job_newest_of_kind"),
            models.Index(fields=["state", "id"], condition=Q(cleaned_at=None), name="job_unfinished"),
            models.Index(
                fields=["ended_at"], condition=Q(thinned_at=None, has_metrics=True), name="job_to_thin"
            ),
            models.Index(fields=["cluster", "id"], condition=Q(state=JobState.QUEUED), name="job_waiting"),
            models.Index(
                fields=["organization", "cluster", "light", "-claimed_at"],
                condition=Q(claimed_at__isnull=False),
                name="job_last_served",
            ),
        ]

    def __str__(self) -> str:
        return self.id

    def get_absolute_url(self) -> str:
        return reverse("jobs:detail", args=[self.id])

    @property
    def can_stop(self) -> bool:
        return self.state in STOPPABLE

    @property
    def run_dir(self) -> Path:
        """The folder of the current (or last) attempt."""
        return run_path(self.id, self.fence)


class JobEvent(TenantModel):
    """What happened to a job and what its engine reported; ordered by id, also across attempts."""

    id: models.BigAutoField[int, int] = models.BigAutoField(primary_key=True)
    job = models.ForeignKey(Job, on_delete=models.CASCADE, related_name="events")
    fence = models.PositiveIntegerField()
    sequence = models.BigIntegerField(null=True)
    """The engine's own count within its run folder; null for what the platform notes itself."""
    type = models.CharField(max_length=16)
    """`state`, or the type of the engine's event: started, metrics, checkpoint, log, stopped."""
    level = models.CharField(max_length=8, default="info")
    message = models.TextField(default="")
    data = models.JSONField(default=dict)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["job", "fence", "sequence"], name="job_event_once"),
        ]
        indexes = [models.Index(fields=["job", "id"], name="job_event_order")]
