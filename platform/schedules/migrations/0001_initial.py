import django.db.models.deletion
from django.db import migrations, models

import common.ids


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("accounts", "0001_initial"),
        ("curation", "0001_initial"),
        ("evaluations", "0001_initial"),
        ("pipelines", "0001_initial"),
        ("registry", "0001_initial"),
        ("retrieval", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="Schedule",
            fields=[
                ("created_at", models.DateTimeField(auto_now_add=True)),
                (
                    "id",
                    common.ids.PrefixedIdField(
                        "sched_",
                        db_collation="C",
                        editable=False,
                        max_length=64,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("name", models.CharField(max_length=200, verbose_name="name")),
                ("is_active", models.BooleanField(default=True, verbose_name="active")),
                (
                    "cadence",
                    models.CharField(
                        choices=[
                            ("daily", "every day"),
                            ("weekly", "every week"),
                            ("monthly", "every month"),
                        ],
                        default="weekly",
                        max_length=16,
                        verbose_name="how often",
                    ),
                ),
                (
                    "weekday",
                    models.PositiveSmallIntegerField(
                        default=6, help_text="0 is Monday, 6 is Sunday.", verbose_name="weekday"
                    ),
                ),
                (
                    "day",
                    models.PositiveSmallIntegerField(
                        default=1, help_text="1 to 28.", verbose_name="day of the month"
                    ),
                ),
                ("hour", models.PositiveSmallIntegerField(default=2, verbose_name="hour")),
                (
                    "time_zone",
                    models.CharField(default="Asia/Tokyo", max_length=60, verbose_name="time zone"),
                ),
                ("alias", models.SlugField(default="production", max_length=40, verbose_name="alias")),
                ("suffix", models.CharField(max_length=40, verbose_name="model name")),
                (
                    "incremental",
                    models.BooleanField(
                        default=True,
                        help_text="Continue from the newest version instead of starting from the base model.",
                        verbose_name="incremental",
                    ),
                ),
                ("hyperparameters", models.JSONField(default=dict)),
                ("next_fire_at", models.DateTimeField()),
                ("deleted_at", models.DateTimeField(null=True)),
                (
                    "base_model",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="registry.basemodel"
                    ),
                ),
                (
                    "dataset",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="curation.dataset"
                    ),
                ),
                (
                    "knowledge_base",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="retrieval.knowledgebase",
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
                (
                    "suite",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="evaluations.suite"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="ScheduledRun",
            fields=[
                ("created_at", models.DateTimeField(auto_now_add=True)),
                (
                    "id",
                    common.ids.PrefixedIdField(
                        "schedrun_",
                        db_collation="C",
                        editable=False,
                        max_length=64,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("due_at", models.DateTimeField()),
                (
                    "organization",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="accounts.organization",
                    ),
                ),
                (
                    "pipeline_run",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="scheduled_run",
                        to="pipelines.pipelinerun",
                    ),
                ),
                (
                    "schedule",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="runs",
                        to="schedules.schedule",
                    ),
                ),
            ],
        ),
        migrations.AddIndex(
            model_name="schedule",
            index=models.Index(
                condition=models.Q(("deleted_at", None), ("is_active", True)),
                fields=["next_fire_at"],
                name="due",
            ),
        ),
        migrations.AddConstraint(
            model_name="scheduledrun",
            constraint=models.UniqueConstraint(fields=("schedule", "due_at"), name="one_run_of_a_moment"),
        ),
    ]
