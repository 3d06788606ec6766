"""A trigger for each row does not see a TRUNCATE: that is refused by one of its own."""

from django.db import migrations

REFUSE = """
CREATE FUNCTION audit_truncate_guard() RETURNS trigger LANGUAGE plpgsql AS $guard$
BEGIN
    RAISE EXCEPTION 'audit events are append-only' USING ERRCODE = 'check_violation';
END
$guard$;
CREATE TRIGGER audit_truncate_guard BEFORE TRUNCATE ON audit_auditevent
    FOR EACH STATEMENT EXECUTE FUNCTION audit_truncate_guard();
"""

ALLOW = """
DROP TRIGGER audit_truncate_guard ON audit_auditevent;
DROP FUNCTION audit_truncate_guard();
"""


class Migration(migrations.Migration):
    dependencies = [("audit", "0002_append_only")]

    operations = [migrations.RunSQL(REFUSE, ALLOW)]
