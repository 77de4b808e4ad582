"""Array types for signatures."""

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Int8: TypeAlias = NDArray[np.int8]
Int16: TypeAlias = NDArray[np.int16]
Int32: TypeAlias = NDArray[np.int32]
Int64: TypeAlias = NDArray[np.int64]
Float32: TypeAlias = NDArray[np.float32]
UInt8: TypeAlias = NDArray[np.uint8]
Float64: TypeAlias = NDArray[np.float64]
Bool: TypeAlias = NDArray[np.bool_]
Array: TypeAlias = NDArray[Any]

Json: TypeAlias = "dict[str, Json] | list[Json] | str | int | float | bool | None"
"""Whatever ``json.dumps`` takes without a custom encoder."""

DAY = 86_400.0
"""Seconds in a day: times are Unix seconds everywhere inside Tacit."""
