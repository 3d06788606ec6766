import django.db.models.deletion
from django.db import migrations, models

import common.ids


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("accounts", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="Cluster",
            fields=[
                ("created_at", models.DateTimeField(auto_now_add=True)),
                (
                    "id",
                    common.ids.PrefixedIdField(
                        "cluster_",
                        db_collation="C",
                        editable=False,
                        max_length=64,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("name", models.SlugField(max_length=60, unique=True, verbose_name="name")),
                (
                    "launcher",
                    models.CharField(
                        choices=[
                            ("local", "This machine"),
                            ("kubernetes", "Kubernetes"),
                            ("null", "None (tests)"),
                        ],
                        max_length=16,
                        verbose_name="launcher",
                    ),
                ),
                ("cpus", models.PositiveIntegerField(verbose_name="CPU cores")),
                ("gpus", models.PositiveIntegerField(default=0, verbose_name="GPUs")),
                ("memory_bytes", models.PositiveBigIntegerField(verbose_name="memory in bytes")),
                (
                    "light_slots",
                    models.PositiveIntegerField(
                        default=3,
                        help_text="Jobs without cores of their own, such as reading a document. The last place is for short ones.",
                        verbose_name="light jobs at once",
                    ),
                ),
                (
                    "is_shared",
                    models.BooleanField(
                        default=False,
                        help_text="Without it an organization needs a grant.",
                        verbose_name="open to every organization",
                    ),
                ),
                ("is_active", models.BooleanField(default=True, verbose_name="takes new jobs")),
                ("measured_cpus", models.PositiveIntegerField(null=True)),
                ("measured_memory_bytes", models.PositiveBigIntegerField(null=True)),
                ("parser_isolation", models.CharField(blank=True, default="", max_length=16)),
                ("ocr", models.CharField(blank=True, default="", max_length=16)),
            ],
            options={
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="Job",
            fields=[
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("error_code", models.CharField(blank=True, default="", max_length=120)),
                ("error_message", models.TextField(blank=True, default="")),
                ("error_param", models.CharField(blank=True, default="", max_length=500)),
                ("error_values", models.JSONField(blank=True, default=dict)),
                (
                    "id",
                    common.ids.PrefixedIdField(
                        "job_",
                        db_collation="C",
                        editable=False,
                        max_length=64,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("kind", models.CharField(max_length=16)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("queued", "Waiting"),
                            ("starting", "Starting"),
                            ("running", "Running"),
                            ("pausing", "Pausing"),
                            ("paused", "Paused"),
                            ("cancelling", "Cancelling"),
                            ("succeeded", "Succeeded"),
                            ("failed", "Failed"),
                            ("cancelled", "Cancelled"),
                        ],
                        default="queued",
                        max_length=16,
                    ),
                ),
                ("spec", models.JSONField()),
                ("release", models.CharField(db_default="", max_length=32)),
                ("idempotency_key", models.CharField(max_length=255, null=True)),
                ("request_digest", models.CharField(max_length=64)),
                ("actor_kind", models.CharField(max_length=16)),
                ("actor_id", models.CharField(max_length=64)),
                ("actor_label", models.CharField(max_length=200)),
                ("priority", models.SmallIntegerField(default=0)),
                ("processes", models.PositiveIntegerField(default=1)),
                ("cpus", models.PositiveIntegerField()),
                ("gpus", models.PositiveIntegerField(default=0)),
                ("memory_bytes", models.PositiveBigIntegerField()),
                ("light", models.PositiveSmallIntegerField(default=0)),
                ("light_long", models.PositiveSmallIntegerField(default=0)),
                ("disk_bytes", models.PositiveBigIntegerField(null=True)),
                (
                    "waits_for",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("place", "a place on the cluster"),
                            ("disk", "space on the disk"),
                            ("workers", "workers of a newer release"),
                        ],
                        default="",
                        max_length=8,
                    ),
                ),
                ("fence", models.PositiveIntegerField(default=0)),
                ("attempt", models.PositiveIntegerField(default=0)),
                ("claimed_at", models.DateTimeField(null=True)),
                ("handle", models.JSONField(null=True)),
                ("not_before", models.DateTimeField(null=True)),
                ("lease_until", models.DateTimeField(null=True)),
                ("heartbeat_mtime", models.BigIntegerField(default=0)),
                ("polled_at", models.DateTimeField(null=True)),
                ("stop_deadline", models.DateTimeField(null=True)),
                ("events_offset", models.PositiveBigIntegerField(default=0)),
                ("events_sequence", models.BigIntegerField(default=-1)),
                ("progress_done", models.FloatField(null=True)),
                ("progress_total", models.FloatField(null=True)),
                ("progress_unit", models.CharField(default="", max_length=32)),
                ("seconds_left", models.FloatField(null=True)),
                ("progress_seen_at", models.DateTimeField(null=True)),
                ("last_event_time", models.FloatField(null=True)),
                ("step_seconds", models.JSONField(default=list)),
                ("losses", models.PositiveSmallIntegerField(default=0)),
                ("failures_since_checkpoint", models.PositiveSmallIntegerField(default=0)),
                ("checkpoint_step", models.BigIntegerField(null=True)),
                ("failed_code", models.CharField(default="", max_length=120)),
                ("failed_at", models.FloatField(null=True)),
                ("result", models.JSONField(null=True)),
                ("started_at", models.DateTimeField(null=True)),
                ("ended_at", models.DateTimeField(null=True)),
                ("finalized_at", models.DateTimeField(null=True)),
                ("finalize_failures", models.PositiveIntegerField(default=0)),
                ("finalize_after", models.DateTimeField(null=True)),
                ("cleaned_at", models.DateTimeField(null=True)),
                ("has_metrics", models.BooleanField(default=False)),
                ("thinned_at", models.DateTimeField(null=True)),
                (
                    "cluster",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="jobs.cluster"
                    ),
                ),
                (
                    "organization",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="accounts.organization",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="JobEvent",
            fields=[
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("fence", models.PositiveIntegerField()),
                ("sequence", models.BigIntegerField(null=True)),
                ("type", models.CharField(max_length=16)),
                ("level", models.CharField(default="info", max_length=8)),
                ("message", models.TextField(default="")),
                ("data", models.JSONField(default=dict)),
                (
                    "job",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="events", to="jobs.job"
                    ),
                ),
                (
                    "organization",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="accounts.organization",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="ClusterGrant",
            fields=[
                ("created_at", models.DateTimeField(auto_now_add=True)),
                (
                    "id",
                    common.ids.PrefixedIdField(
                        "grant_",
                        db_collation="C",
                        editable=False,
                        max_length=64,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                (
                    "cluster",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="grants", to="jobs.cluster"
                    ),
                ),
                (
                    "organization",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="accounts.organization",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("organization", "cluster"), name="one_cluster_grant_each")
                ],
            },
        ),
        migrations.AddIndex(
            model_name="job",
            index=models.Index(fields=["organization", "-id"], name="job_newest"),
        ),
        migrations.AddIndex(
            model_name="job",
            index=models.Index(fields=["organization", "kind", "-id"], name="job_newest_of_kind"),
        ),
        migrations.AddIndex(
            model_name="job",
            index=models.Index(
                condition=models.Q(("cleaned_at", None)), fields=["state", "id"], name="job_unfinished"
            ),
        ),
        migrations.AddIndex(
            model_name="job",
            index=models.Index(
                condition=models.Q(("has_metrics", True), ("thinned_at", None)),
                fields=["ended_at"],
                name="job_to_thin",
            ),
        ),
        migrations.AddIndex(
            model_name="job",
            index=models.Index(
                condition=models.Q(("state", "queued")), fields=["cluster", "id"], name="job_waiting"
            ),
        ),
        migrations.AddIndex(
            model_name="job",
            index=models.Index(
                condition=models.Q(("claimed_at__isnull", False)),
                fields=["organization", "cluster", "light", "-claimed_at"],
                name="job_last_served",
            ),
        ),
        migrations.AddConstraint(
            model_name="job",
            constraint=models.UniqueConstraint(
                fields=("organization", "idempotency_key"), name="job_idempotency"
            ),
        ),
        migrations.AddIndex(
            model_name="jobevent",
            index=models.Index(fields=["job", "id"], name="job_event_order"),
        ),
        migrations.AddConstraint(
            model_name="jobevent",
            constraint=models.UniqueConstraint(fields=("job", "fence", "sequence"), name="job_event_once"),
        ),
    ]
