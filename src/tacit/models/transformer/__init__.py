"""Transformer: what comes next, from the order of all that came before."""

from tacit.models.transformer.model import Transformer

__all__ = ["Transformer"]
