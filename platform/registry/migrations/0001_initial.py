import django.db.models.deletion
from django.db import migrations, models

import common.ids


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("accounts", "0001_initial"),
        ("jobs", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="BaseModel",
            fields=[
                ("created_at", models.DateTimeField(auto_now_add=True)),
                (
                    "id",
                    common.ids.PrefixedIdField(
                        "bm_",
                        db_collation="C",
                        editable=False,
                        max_length=64,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("name", models.SlugField(max_length=60, unique=True, verbose_name="name")),
                (
                    "kind",
                    models.CharField(
                        choices=[("causal_lm", "language model"), ("embedding", "embedding model")],
                        max_length=16,
                        verbose_name="kind",
                    ),
                ),
                ("path", models.CharField(max_length=1000, verbose_name="folder")),
                ("licence", models.CharField(max_length=200, verbose_name="licence")),
                ("digest", models.CharField(max_length=64)),
                ("architecture", models.CharField(max_length=80)),
                ("parameters", models.BigIntegerField()),
                ("context_length", models.PositiveIntegerField()),
                ("vocabulary_size", models.PositiveIntegerField()),
                ("hidden_size", models.PositiveIntegerField()),
                ("layers", models.PositiveIntegerField()),
                ("has_chat_template", models.BooleanField(default=False)),
                ("stop_strings", models.JSONField(default=list)),
                ("is_active", models.BooleanField(default=True)),
                (
                    "open_to_all",
                    models.BooleanField(
                        default=True, help_text="Every organization may use it; otherwise only those granted."
                    ),
                ),
            ],
            options={
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="ModelVersion",
            fields=[
                ("created_at", models.DateTimeField(auto_now_add=True)),
                (
                    "id",
                    common.ids.PrefixedIdField(
                        "model_",
                        db_collation="C",
                        editable=False,
                        max_length=64,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("name", models.CharField(max_length=200, unique=True)),
                ("suffix", models.CharField(max_length=40)),
                ("number", models.PositiveIntegerField()),
                ("method", models.CharField(max_length=16)),
                ("training_run_id", models.CharField(max_length=64)),
                ("dataset_version_id", models.CharField(blank=True, max_length=64)),
                ("manifest_sha256", models.CharField(max_length=64)),
                ("facts", models.JSONField(default=dict)),
                ("deleted_at", models.DateTimeField(null=True)),
                (
                    "base_model",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="registry.basemodel"
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
                    "parent",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="children",
                        to="registry.modelversion",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="ModelExport",
            fields=[
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("error_code", models.CharField(blank=True, default="", max_length=120)),
                ("error_message", models.TextField(blank=True, default="")),
                ("error_param", models.CharField(blank=True, default="", max_length=500)),
                ("error_values", models.JSONField(blank=True, default=dict)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("building", "being built"),
                            ("ready", "ready"),
                            ("failed", "failed"),
                            ("cancelled", "cancelled"),
                        ],
                        default="building",
                        max_length=16,
                    ),
                ),
                ("result", models.JSONField(default=dict)),
                ("manifest_sha256", models.CharField(blank=True, max_length=64)),
                (
                    "id",
                    common.ids.PrefixedIdField(
                        "export_",
                        db_collation="C",
                        editable=False,
                        max_length=64,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("format", models.CharField(max_length=16)),
                (
                    "job",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="jobs.job"
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
                    "model_version",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="exports",
                        to="registry.modelversion",
                    ),
                ),
            ],
            options={
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="BaseModelGrant",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                (
                    "base_model",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="grants",
                        to="registry.basemodel",
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
                    models.UniqueConstraint(fields=("organization", "base_model"), name="one_grant_each")
                ],
            },
        ),
        migrations.AddConstraint(
            model_name="modelversion",
            constraint=models.UniqueConstraint(
                fields=("organization", "base_model", "suffix", "number"),
                name="one_model_version_of_a_number",
            ),
        ),
        migrations.AddConstraint(
            model_name="modelversion",
            constraint=models.UniqueConstraint(
                fields=("training_run_id",), name="one_model_version_of_a_run"
            ),
        ),
    ]
