"""One module per file format. They run in a sandbox (`workers.engines.ingest.sandbox`) and nowhere else."""
