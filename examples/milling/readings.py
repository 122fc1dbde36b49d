"""Readings of milling machines, made up from a seed, with the known answer for each of them.

    python readings.py --count 10000 --seed 7 --output readings.csv

Most readings are of healthy machines. About 3 in 100 are pushed over one of the limits that the
rules of workflow.yaml state (HDF, PWF, OSF), a few more are of tools that are nearly worn out
(WEAR). Every reading keeps a clear distance from every limit that it is not meant to pass.
"""

import argparse
import csv
import math
import random
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

COLUMNS = (
    "UDI",
    "Product ID",
    "Type",
    "Air temperature [K]",
    "Process temperature [K]",
    "Rotational speed [rpm]",
    "Torque [Nm]",
    "Tool wear [min]",
)
OVERSTRAIN_LIMITS = {"L": 11_000, "M": 12_000, "H": 13_000}
OTHERWISE = "otherwise"

# How many of a hundred readings end where; the rest is healthy.
SHARES = {"HDF": 1.2, "PWF": 1.0, "OSF": 0.8, "WEAR": 6.0}


@dataclass(frozen=True)
class Reading:
    """One row for the CSV file, and the rule that must fire on it (or `otherwise`)."""

    row: dict[str, str | int | float]
    rule: str

    @property
    def verdict(self) -> str | None:
        """The verdict that the rules must reach; None when they must leave it undetermined."""
        if self.rule == "WEAR":
            return None
        return "ok" if self.rule == OTHERWISE else "fail"


def generate_readings(count: int, seed: int) -> Iterator[Reading]:
    """Yield `count` readings; the same seed gives the same readings."""
    chance = random.Random(seed)
    rules = [*SHARES, OTHERWISE]
    weights = [*SHARES.values(), 100 - sum(SHARES.values())]
    for number in range(1, count + 1):
        rule = chance.choices(rules, weights)[0]
        yield Reading(make_row(chance, number, rule), rule)


def make_row(chance: random.Random, number: int, rule: str) -> dict[str, str | int | float]:
    """Return a reading on which exactly `rule` is the first to fire."""
    kind = chance.choices("LMH", (60, 30, 10))[0]
    air_k = chance.uniform(296, 304)
    excess_k = chance.uniform(9, 12)
    rpm, torque_nm = make_spindle(chance, chance.uniform(4_500, 8_000))
    wear_min = chance.randint(0, 195)
    if rule == "HDF":
        excess_k, rpm = chance.uniform(7.5, 8.3), chance.randint(1_200, 1_360)
    elif rule == "PWF":
        power_w = chance.choice((chance.uniform(1_500, 3_300), chance.uniform(9_300, 11_000)))
        rpm, torque_nm = make_spindle(chance, power_w)
    elif rule == "OSF":
        # At least 1,420 rpm below 8,300 W: neither heat nor power comes first.
        rpm, torque_nm = 1_420, chance.uniform(50, 55)
        wear_min = math.ceil(OVERSTRAIN_LIMITS[kind] * chance.uniform(1.02, 1.1) / torque_nm)
    elif rule == "WEAR":
        wear_min = chance.randint(200, 235)
        rpm, torque_nm = 1_500, chance.uniform(30, 45)
    return {
        "UDI": number,
        "Product ID": f"{kind}{10_000 + number}",
        "Type": kind,
        "Air temperature [K]": round(air_k, 1),
        "Process temperature [K]": round(round(air_k, 1) + excess_k, 1),
        "Rotational speed [rpm]": rpm,
        "Torque [Nm]": round(torque_nm, 1),
        "Tool wear [min]": wear_min,
    }


def make_spindle(chance: random.Random, power_w: float) -> tuple[int, float]:
    """Return a speed above 1,380 rpm and the torque that gives about `power_w` with it."""
    rpm = chance.randint(1_420, 1_900)
    return rpm, power_w * 60 / (2 * math.pi * rpm)


def write_csv(readings: Iterable[Reading], stream: TextIO) -> None:
    """Write the rows, without the answers, under the header `COLUMNS`."""
    writer = csv.DictWriter(stream, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(reading.row for reading in readings)


def main() -> None:
    """Write readings as the arguments say."""
    parser = argparse.ArgumentParser(description="Make up readings of milling machines.")
    parser.add_argument("--count", type=int, default=10_000, help="how many (10,000)")
    parser.add_argument("--seed", type=int, default=7, help="another seed, other readings (7)")
    parser.add_argument("--output", type=Path, help="a CSV file; standard output by default")
    arguments = parser.parse_args()
    readings = generate_readings(arguments.count, arguments.seed)
    if arguments.output is None:
        write_csv(readings, sys.stdout)
        return
    with arguments.output.open("w", encoding="utf-8", newline="") as stream:
        write_csv(readings, stream)


if __name__ == "__main__":
    main()
