"""Turns: every round runs each contender once, and each round begins with another one."""

from collections.abc import Callable, Iterable, Sequence

from bench.contenders import OURS, Contender
from bench.running import BenchError, Ground


def take_turns(contenders: Sequence[Contender], rounds: int) -> list[tuple[int, Contender]]:
    """Return round and contender of each run; no contender always runs first."""
    turns = []
    for number in range(rounds):
        shift = number % len(contenders)
        turns += [(number, it) for it in (*contenders[shift:], *contenders[:shift])]
    return turns


def run_turns(
    ground: Ground,
    contenders: Sequence[Contender],
    rounds: int,
    run: Callable[[Contender, int], Iterable[str]],
) -> dict[str, str]:
    """Let `run` measure every turn and say what it found; return why peers left the race.

    A peer that fails once runs no more: what it did before has no figure either.

    Raises:
        BenchError: we ourselves failed.
    """
    failures: dict[str, str] = {}
    turns = take_turns(contenders, rounds)
    for turn, (number, contender) in enumerate(turns, 1):
        if contender.name in failures:
            continue
        place = f"[{turn:>2}/{len(turns)}] round {number + 1}  {contender.name:<24}"
        try:
            for line in run(contender, number):
                ground.say(f"{place}{line}")
        except BenchError as error:
            if contender.name == OURS:
                raise
            failures[contender.name] = error.what
            ground.say(f"{place}leaves the race: {error}")
    return failures
