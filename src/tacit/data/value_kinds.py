"""What the numbers of a log are."""

from typing import Literal

ValueKind = Literal["rating", "quantity", "plays", "time", "price", "unknown"]
