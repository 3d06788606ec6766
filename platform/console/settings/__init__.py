"""The room Settings: people, keys, base models, clusters and the audit trail."""
