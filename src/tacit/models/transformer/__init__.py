"""Transformer: the next item, from the order of all earlier events."""

from tacit.models.transformer.model import Transformer

__all__ = ["Transformer"]
