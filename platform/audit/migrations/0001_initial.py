from django.db import migrations, models

import common.ids


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="AuditCheck",
            fields=[
                ("organization_id", models.CharField(max_length=64, primary_key=True, serialize=False)),
                ("sequence", models.BigIntegerField(default=0)),
                ("hash", models.CharField(default="", max_length=64)),
                ("verified_at", models.DateTimeField(null=True)),
                ("broken_sequence", models.BigIntegerField(null=True)),
                ("passed_at", models.DateTimeField(null=True)),
                ("pass_sequence", models.BigIntegerField(default=0)),
                ("pass_hash", models.CharField(default="", max_length=64)),
            ],
        ),
        migrations.CreateModel(
            name="AuditHead",
            fields=[
                ("organization_id", models.CharField(max_length=64, primary_key=True, serialize=False)),
                ("sequence", models.BigIntegerField(default=0)),
                ("hash", models.CharField(default="", max_length=64)),
            ],
        ),
        migrations.CreateModel(
            name="AuditEvent",
            fields=[
                (
                    "id",
                    common.ids.PrefixedIdField(
                        "audit_",
                        db_collation="C",
                        editable=False,
                        max_length=64,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("organization_id", models.CharField(max_length=64)),
                ("sequence", models.BigIntegerField(null=True)),
                ("created_at", models.DateTimeField()),
                ("actor_kind", models.CharField(max_length=16)),
                ("actor_id", models.CharField(max_length=64)),
                ("actor_label", models.CharField(max_length=200)),
                ("action", models.CharField(max_length=64)),
                ("target_type", models.CharField(max_length=40)),
                ("target_id", models.CharField(max_length=64)),
                ("data", models.JSONField(default=dict)),
                ("previous_hash", models.CharField(default="", max_length=64)),
                ("hash", models.CharField(default="", max_length=64)),
            ],
            options={
                "indexes": [
                    models.Index(fields=["organization_id", "-id"], name="audit_newest"),
                    models.Index(fields=["organization_id", "target_id", "-id"], name="audit_of_target"),
                ],
                "constraints": [
                    models.UniqueConstraint(fields=("organization_id", "sequence"), name="audit_one_chain")
                ],
            },
        ),
    ]
