"""Shows which verdicts two workflows do not agree on: how many of each kind, and the first ones."""

from judgify.cli.console import print_table, say
from judgify.cli.judge_run import Run


def print_flips(run: Run, *, other: str, where: str = "line") -> None:
    """Print the flips of a run that compares; `other` names the workflow it is compared with."""
    say(f"{run.flips_count:,} of {run.requests:,} are judged otherwise than by {other}")
    if not run.flips_count:
        return
    say()
    kinds = ((before, after, count) for (before, after), count in run.flips_by.most_common())
    print_table(("before", "after", "count"), kinds)
    say()
    rows = (
        (flip.line, flip.subject, flip.before, flip.before_rule, flip.after, flip.after_rule)
        for flip in run.flips
    )
    print_table((where, "subject", "before", "rule", "after", "rule"), rows)
    if run.flips_count > len(run.flips):
        say(f"and {run.flips_count - len(run.flips):,} more")
