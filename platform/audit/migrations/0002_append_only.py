"""Audit events are appended, chained when their transaction commits, and never changed after.

The chain is made by a deferred trigger, so that the lock on the chain's end is the last one a
transaction takes: held for a moment, and never while waiting for anything else (no deadlock).
"""

from django.db import migrations

CHAIN = """
CREATE FUNCTION audit_event_hash(event audit_auditevent) RETURNS text LANGUAGE sql STABLE AS $hash$
    SELECT encode(sha256(convert_to(concat_ws(E'\\x1f',
        event.previous_hash, event.organization_id, event.sequence::text,
        (extract(epoch FROM event.created_at) * 1000000)::bigint::text,
        event.actor_kind, event.actor_id, event.actor_label,
        event.action, event.target_type, event.target_id, event.data::text
    ), 'UTF8')), 'hex')
$hash$;

CREATE FUNCTION audit_event_chain() RETURNS trigger LANGUAGE plpgsql AS $chain$
DECLARE
    head audit_audithead;
    event audit_auditevent := NEW;
BEGIN
    INSERT INTO audit_audithead VALUES (NEW.organization_id, 0, '') ON CONFLICT DO NOTHING;
    SELECT * INTO head FROM audit_audithead WHERE organization_id = NEW.organization_id FOR UPDATE;
    event.sequence := head.sequence + 1;
    event.previous_hash := head.hash;
    event.hash := audit_event_hash(event);
    UPDATE audit_auditevent
        SET sequence = event.sequence, previous_hash = event.previous_hash, hash = event.hash
        WHERE id = event.id;
    UPDATE audit_audithead
        SET sequence = event.sequence, hash = event.hash
        WHERE organization_id = event.organization_id;
    RETURN NULL;
END
$chain$;
CREATE CONSTRAINT TRIGGER audit_event_chain AFTER INSERT ON audit_auditevent
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION audit_event_chain();

CREATE FUNCTION audit_event_guard() RETURNS trigger LANGUAGE plpgsql AS $guard$
BEGIN
    IF TG_OP = 'UPDATE' AND OLD.hash = '' AND NEW.hash <> ''
        AND to_jsonb(NEW) - '{sequence,previous_hash,hash}'::text[]
          = to_jsonb(OLD) - '{sequence,previous_hash,hash}'::text[]
    THEN
        RETURN NEW;  -- the link into the chain, once
    END IF;
    RAISE EXCEPTION 'audit events are append-only' USING ERRCODE = 'check_violation';
END
$guard$;
CREATE TRIGGER audit_event_guard BEFORE UPDATE OR DELETE ON audit_auditevent
    FOR EACH ROW EXECUTE FUNCTION audit_event_guard();
"""

UNCHAIN = """
DROP TRIGGER audit_event_guard ON audit_auditevent;
DROP FUNCTION audit_event_guard();
DROP TRIGGER audit_event_chain ON audit_auditevent;
DROP FUNCTION audit_event_chain();
DROP FUNCTION audit_event_hash(audit_auditevent);
"""


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
    dependencies = [("audit", "0001_initial")]

    # A trigger for each row does not see a TRUNCATE: that is refused by one of its own.
    operations = [migrations.RunSQL(CHAIN, UNCHAIN), migrations.RunSQL(REFUSE, ALLOW)]
