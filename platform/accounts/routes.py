"""Every route of the platform and the rule it stands under; a route not listed here is refused.

The key is `METHOD route` as Django resolves it (`GET v1/files/<file_id>`). HEAD follows GET;
OPTIONS is answered by the framework. The middleware enforces this table and a test walks it.
"""

from __future__ import annotations

from accounts.permissions import Access, Rule
from accounts.permissions import Permission as P

ROUTES: dict[str, Rule] = {
    # -- sign-in ------------------------------------------------------------------------------
    "GET sign-in": Access.PUBLIC,
    "POST sign-in": Access.PUBLIC,
    "POST sign-out": Access.SIGNED_IN,
    "POST language": Access.PUBLIC,
    "POST organization": Access.SIGNED_IN,
    # -- health and description -----------------------------------------------------------------
    "GET healthz": Access.PUBLIC,
    "GET readyz": Access.PUBLIC,
    "GET v1/openapi.json": Access.PUBLIC,
    "GET v1/docs": Access.PUBLIC,
    # -- API: files and uploads --------------------------------------------------------------------
    "GET v1/files": P.DOCUMENTS_READ,
    "POST v1/files": P.DOCUMENTS_WRITE,
    "GET v1/files/<file_id>": P.DOCUMENTS_READ,
    "DELETE v1/files/<file_id>": P.DOCUMENTS_WRITE,
    "GET v1/files/<file_id>/content": P.DOCUMENTS_READ,
    "GET v1/files/<file_id>/pages": P.DOCUMENTS_READ,
    "POST v1/uploads": P.DOCUMENTS_WRITE,
    "POST v1/uploads/<upload_id>/parts": P.DOCUMENTS_WRITE,
    "POST v1/uploads/<upload_id>/complete": P.DOCUMENTS_WRITE,
    "POST v1/uploads/<upload_id>/cancel": P.DOCUMENTS_WRITE,
    # -- API: datasets and recipes -----------------------------------------------------------------
    "GET v1/recipes": P.DATASETS_READ,
    "POST v1/recipes": P.DATASETS_WRITE,
    "GET v1/recipes/<recipe_id>": P.DATASETS_READ,
    "GET v1/datasets": P.DATASETS_READ,
    "POST v1/datasets": P.DATASETS_WRITE,
    "GET v1/datasets/<dataset_id>": P.DATASETS_READ,
    "GET v1/datasets/<dataset_id>/versions": P.DATASETS_READ,
    "POST v1/datasets/<dataset_id>/versions": P.DATASETS_WRITE,
    "GET v1/datasets/<dataset_id>/versions/<version_id>": P.DATASETS_READ,
    "GET v1/datasets/<dataset_id>/versions/<version_id>/records": P.DATASETS_READ,
    "GET v1/datasets/<dataset_id>/versions/<version_id>/dropped": P.DATASETS_READ,
    # -- API: base models, models -------------------------------------------------------------------
    "GET v1/base_models": P.MODELS_READ,
    "POST v1/base_models": Access.OPERATOR,
    "GET v1/base_models/<base_model_id>": P.MODELS_READ,
    "GET v1/models": P.MODELS_READ,
    "GET v1/models/<model>": P.MODELS_READ,
    "DELETE v1/models/<model>": P.MODELS_WRITE,
    "GET v1/models/<model>/exports": P.MODELS_READ,
    "POST v1/models/<model>/exports": P.MODELS_WRITE,
    # -- API: fine-tuning --------------------------------------------------------------------------
    "GET v1/fine_tuning/jobs": P.TRAINING_READ,
    "POST v1/fine_tuning/jobs": P.TRAINING_RUN,
    "GET v1/fine_tuning/jobs/<job_id>": P.TRAINING_READ,
    "GET v1/fine_tuning/jobs/<job_id>/events": P.TRAINING_READ,
    "GET v1/fine_tuning/jobs/<job_id>/checkpoints": P.TRAINING_READ,
    "POST v1/fine_tuning/jobs/<job_id>/cancel": P.TRAINING_RUN,
    "POST v1/fine_tuning/jobs/<job_id>/pause": P.TRAINING_RUN,
    "POST v1/fine_tuning/jobs/<job_id>/resume": P.TRAINING_RUN,
    # -- API: evaluations ---------------------------------------------------------------------------
    "GET v1/evals": P.EVALUATIONS_READ,
    "POST v1/evals": P.EVALUATIONS_RUN,
    "GET v1/evals/<eval_id>": P.EVALUATIONS_READ,
    "POST v1/evals/<eval_id>/runs": P.EVALUATIONS_RUN,
    "GET v1/evals/<eval_id>/runs": P.EVALUATIONS_READ,
    "GET v1/evals/<eval_id>/runs/<run_id>": P.EVALUATIONS_READ,
    "GET v1/evals/<eval_id>/runs/<run_id>/output_items": P.EVALUATIONS_READ,
    # -- API: retrieval -----------------------------------------------------------------------------
    "GET v1/vector_stores": P.KNOWLEDGE_READ,
    "POST v1/vector_stores": P.KNOWLEDGE_WRITE,
    "GET v1/vector_stores/<vector_store_id>": P.KNOWLEDGE_READ,
    "POST v1/vector_stores/<vector_store_id>": P.KNOWLEDGE_WRITE,
    "DELETE v1/vector_stores/<vector_store_id>": P.KNOWLEDGE_WRITE,
    "GET v1/vector_stores/<vector_store_id>/files": P.KNOWLEDGE_READ,
    "POST v1/vector_stores/<vector_store_id>/files": P.KNOWLEDGE_WRITE,
    "GET v1/vector_stores/<vector_store_id>/files/<file_id>": P.KNOWLEDGE_READ,
    "DELETE v1/vector_stores/<vector_store_id>/files/<file_id>": P.KNOWLEDGE_WRITE,
    "POST v1/vector_stores/<vector_store_id>/file_batches": P.KNOWLEDGE_WRITE,
    "GET v1/vector_stores/<vector_store_id>/file_batches/<batch_id>": P.KNOWLEDGE_READ,
    "POST v1/vector_stores/<vector_store_id>/search": P.KNOWLEDGE_READ,
    # -- API: releases and deployments --------------------------------------------------------------
    "GET v1/releases": P.RELEASES_READ,
    "POST v1/releases": P.RELEASES_WRITE,
    "GET v1/releases/<release_id>": P.RELEASES_READ,
    "POST v1/releases/<release_id>/approve": P.RELEASES_APPROVE,
    "POST v1/releases/<release_id>/reject": P.RELEASES_APPROVE,
    "POST v1/releases/<release_id>/publish": P.RELEASES_PUBLISH,
    "GET v1/deployments": P.RELEASES_READ,
    "GET v1/deployments/<alias>": P.RELEASES_READ,
    "POST v1/deployments/<alias>/rollback": P.RELEASES_PUBLISH,
    # -- API: inference -----------------------------------------------------------------------------
    "POST v1/chat/completions": P.CHAT_USE,
    "POST v1/embeddings": P.CHAT_USE,
    # -- API: schedules -----------------------------------------------------------------------------
    "GET v1/schedules": P.SCHEDULES_READ,
    "POST v1/schedules": P.SCHEDULES_WRITE,
    "GET v1/schedules/<schedule_id>": P.SCHEDULES_READ,
    "POST v1/schedules/<schedule_id>": P.SCHEDULES_WRITE,
    "DELETE v1/schedules/<schedule_id>": P.SCHEDULES_WRITE,
    "POST v1/schedules/<schedule_id>/fire": P.SCHEDULES_WRITE,
    "GET v1/schedules/<schedule_id>/runs": P.SCHEDULES_READ,
    "GET v1/schedules/<schedule_id>/runs/<run_id>": P.SCHEDULES_READ,
    # -- API: jobs and audit ------------------------------------------------------------------------
    "GET v1/jobs": P.JOBS_READ,
    "GET v1/jobs/<job_id>": P.JOBS_READ,
    "GET v1/jobs/<job_id>/events": P.JOBS_READ,
    "POST v1/jobs/<job_id>/cancel": P.JOBS_CONTROL,
    "GET v1/audit_events": P.AUDIT_READ,
}
