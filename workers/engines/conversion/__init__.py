"""Turning the demo models' packages into model folders that transformers loads without a hub."""
