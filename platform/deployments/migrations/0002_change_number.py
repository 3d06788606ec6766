"""Changes of a deployment are numbered; those there are take their places by id."""

from django.db import migrations, models

NUMBER = """
    UPDATE deployments_deploymentchange AS change SET number = placed.number
    FROM (
        SELECT id, row_number() OVER (PARTITION BY deployment_id ORDER BY id) AS number
        FROM deployments_deploymentchange
    ) AS placed
    WHERE change.id = placed.id
"""


class Migration(migrations.Migration):
    dependencies = [("deployments", "0001_initial")]

    operations = [
        migrations.AddField(
            model_name="deploymentchange",
            name="number",
            field=models.PositiveIntegerField(default=0),
            preserve_default=False,
        ),
        migrations.RunSQL(NUMBER, migrations.RunSQL.noop),
        migrations.AddConstraint(
            model_name="deploymentchange",
            constraint=models.UniqueConstraint(
                fields=["deployment", "number"], name="one_change_of_a_number"
            ),
        ),
    ]
