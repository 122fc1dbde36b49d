"""What generated code calls: total functions on doubles, where NaN stands for UNKNOWN."""

import math
from typing import NoReturn

NAN = math.nan


def floor(value: float) -> float:
    return float(math.floor(value)) if value - value == 0.0 else NAN


def ceil(value: float) -> float:
    return float(math.ceil(value)) if value - value == 0.0 else NAN


def round_half_even(value: float, digits: int) -> float:
    """Round to `digits` decimals, 0 to 9; halves go to the even neighbour."""
    return float(round(value, digits))


def minimum(*values: float) -> float:
    """Return the smallest; NaN if any is NaN, which the built-in min() would hide."""
    return NAN if any(value != value for value in values) else min(values)  # noqa: PLR0124 -- NaN


def maximum(*values: float) -> float:
    """Return the largest; NaN if any is NaN, which the built-in max() would hide."""
    return NAN if any(value != value for value in values) else max(values)  # noqa: PLR0124 -- NaN


def overflow() -> NoReturn:
    """Leave the body for complete input: a result is not finite."""
    raise OverflowError
