"""Back up an installation while it works, and bring it back in an empty place."""
