"""Packages a model version as a folder that can be used elsewhere."""
