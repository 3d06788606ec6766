"""The demo: the documents of an invented company, and the walk of the whole road over them."""
