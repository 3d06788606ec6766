"""The built-in cluster knows what was measured. What it had so far counts as that: nothing tells it from a choice."""

from django.db import migrations, models

MEASURED = """
    UPDATE jobs_cluster SET measured_cpus = cpus, measured_memory_bytes = memory_bytes
    WHERE name = 'local' AND launcher = 'local'
"""


class Migration(migrations.Migration):
    dependencies = [
        ("jobs", "0005_release_and_workers"),
    ]

    operations = [
        migrations.AddField(
            model_name="cluster",
            name="measured_cpus",
            field=models.PositiveIntegerField(null=True),
        ),
        migrations.AddField(
            model_name="cluster",
            name="measured_memory_bytes",
            field=models.PositiveBigIntegerField(null=True),
        ),
        migrations.RunSQL(MEASURED, migrations.RunSQL.noop),
    ]
