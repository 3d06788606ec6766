"""One module per file format. They run in a child process (`workers.engines.ingest.parse_child`) and nowhere else."""
