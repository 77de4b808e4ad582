"""Search spaces that several retrievers share."""

from tacit.core.spaces import Choice, Float

DECAY = Float(0.6, 1.0)
"""Factor of each earlier event of a history."""

FORGETS = Choice((None, 30.0, 90.0, 365.0))
"""Half-life in days of an event in the fit; None for no decay."""
