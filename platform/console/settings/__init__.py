"""The settings pages: people, keys, base models, clusters and the audit trail."""
