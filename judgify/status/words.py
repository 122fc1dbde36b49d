"""Numbers as operators read them: durations, counts, sizes."""

from typing import Final

_STEPS: Final = ((86_400, "d"), (3_600, "h"), (60, "min"))
_SIZES: Final = ("B", "KiB", "MiB", "GiB", "TiB")


def duration(seconds: float) -> str:
    """Return `seconds` in the largest unit of which there are two, else one: `14 min`, `90 s`."""
    for length, unit in _STEPS:
        if seconds >= 2 * length:
            return f"{int(seconds // length)} {unit}"
    return f"{int(seconds)} s" if seconds >= 10 else f"{seconds:.1f} s"


def count_of(number: int, noun: str) -> str:
    """Return `1 record`, `1,204 records`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def size(number_of_bytes: int) -> str:
    """Return `number_of_bytes` with one decimal in its unit: `1.5 GiB`."""
    amount = float(number_of_bytes)
    for unit in _SIZES[:-1]:
        if amount < 1_024:
            return f"{amount:.0f} {unit}" if unit == "B" else f"{amount:.1f} {unit}"
        amount /= 1_024
    return f"{amount:.1f} {_SIZES[-1]}"
