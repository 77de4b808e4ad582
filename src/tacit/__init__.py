"""Tacit: from an event log and a catalogue to recommendations, with reasons."""

__version__ = "0.1.0"
