"""Retrievers: each maps histories to scores over items; one paper a file, one protocol for all."""
