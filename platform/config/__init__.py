"""Settings, environment, checks, addresses and the ASGI application: what holds the apps together."""
