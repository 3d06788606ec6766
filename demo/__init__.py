"""The demo: the documents of an invented company, and a walkthrough from them to a served model."""
