"""The embedded stack: the servers and processes that `manage.py up` starts and keeps alive."""
