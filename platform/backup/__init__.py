"""Back up an installation while it works, and restore it into an empty place."""
