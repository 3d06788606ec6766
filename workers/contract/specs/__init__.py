"""The contract between the platform and the engines: one frozen pydantic model per engine.

Importable without Django and without any machine-learning library.
"""
