"""Settings, environment, checks, routes and the ASGI application."""
