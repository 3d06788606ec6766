"""Packaging a model version as a folder that stands by itself."""
