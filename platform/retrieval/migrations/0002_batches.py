"""A batch of documents is a row of its own: a document named by a later batch stays in the earlier one."""

import django.db.models.deletion
from django.db import migrations, models

import common.ids

CARRY_OVER = """
    INSERT INTO retrieval_documentbatch (id, created_at, organization_id, knowledge_base_id)
    SELECT DISTINCT ON (batch_id) batch_id, created_at, organization_id, knowledge_base_id
    FROM retrieval_knowledgebasedocument WHERE batch_id <> '' ORDER BY batch_id, id;

    INSERT INTO retrieval_documentbatch_documents (documentbatch_id, document_id)
    SELECT batch_id, document_id FROM retrieval_knowledgebasedocument WHERE batch_id <> '';

    -- Tables with checks outstanding cannot be altered.
    SET CONSTRAINTS ALL IMMEDIATE;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0001_initial"),
        ("documents", "0001_initial"),
        ("retrieval", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="DocumentBatch",
            fields=[
                ("created_at", models.DateTimeField(auto_now_add=True)),
                (
                    "id",
                    common.ids.PrefixedIdField(
                        "vsfb_",
                        db_collation="C",
                        editable=False,
                        max_length=64,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("documents", models.ManyToManyField(related_name="+", to="documents.document")),
                (
                    "knowledge_base",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="batches",
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
            ],
            options={"abstract": False},
        ),
        migrations.RunSQL(CARRY_OVER, migrations.RunSQL.noop),
        migrations.RemoveIndex(model_name="knowledgebasedocument", name="entries_of_batch"),
        migrations.RemoveField(model_name="knowledgebasedocument", name="batch_id"),
    ]
