"""The database's own guard of job states. The pairs are those of `jobs/transitions.py` at this
point; a change there needs a new migration (the test of every pair of states fails without it)."""

from django.db import migrations

from jobs.transitions import DROP_TRIGGER_SQL, trigger_sql

PAIRS = [
    ("cancelling", "cancelled"),
    ("paused", "cancelled"),
    ("paused", "queued"),
    ("pausing", "cancelling"),
    ("pausing", "failed"),
    ("pausing", "paused"),
    ("pausing", "succeeded"),
    ("queued", "cancelled"),
    ("queued", "paused"),
    ("queued", "starting"),
    ("running", "cancelling"),
    ("running", "failed"),
    ("running", "pausing"),
    ("running", "queued"),
    ("running", "succeeded"),
    ("starting", "cancelling"),
    ("starting", "failed"),
    ("starting", "pausing"),
    ("starting", "queued"),
    ("starting", "running"),
    # Only until the job is finished: its result was lost.
    ("succeeded", "failed"),
]


class Migration(migrations.Migration):
    dependencies = [("jobs", "0001_initial")]

    operations = [migrations.RunSQL(trigger_sql(PAIRS), DROP_TRIGGER_SQL)]
