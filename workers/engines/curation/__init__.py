"""Documents in, clean records out: ingest (one file to pages) and curate (pages to a data set)."""
