"""Search spaces that several retrievers share."""

from tacit.core.spaces import Choice, Float

DECAY = Float(0.6, 1.0)
"""How much less each earlier event of a history counts."""

FORGETS = Choice((None, 30.0, 90.0, 365.0))
"""Days after which an event of the log counts half while learning; None for never."""
