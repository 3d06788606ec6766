"""A job that succeeded may fail until it is finished: its result was lost. The pairs are those of
`jobs/transitions.py` at this point."""

from importlib import import_module

from django.db import migrations

from jobs.transitions import trigger_sql

BEFORE = import_module("jobs.migrations.0002_guard").PAIRS
PAIRS = [*BEFORE, ("succeeded", "failed")]


class Migration(migrations.Migration):
    dependencies = [("jobs", "0003_disk_and_waiting")]

    operations = [migrations.RunSQL(trigger_sql(PAIRS), trigger_sql(BEFORE))]
