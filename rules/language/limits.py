"""Every limit of the rule language. Together they bound the work of one evaluation."""

TEXT_CHARS_MAX = 4_096
"""Characters of one expression."""

NODES_MAX = 400
"""Parts of one expression."""

TOTAL_NODES_MAX = 10_000
"""Parts of all expressions of a workflow together, 20 for each of 500 rules: the costliest of them
compile in 2 s of processor time and 120 MiB."""

DEPTH_MAX = 32
"""Nested operands, parentheses, lists and calls of one expression."""

LIST_ITEMS_MAX = 256
"""Items of a list in an expression, and of a list constant."""

MAP_ENTRIES_MAX = 1_024
"""Entries of a map constant."""

NAME_CHARS_MAX = 64
"""Characters of a name."""

STRING_CHARS_MAX = 8_192
"""Characters of a usable string field; 100 `contains` on 1 MB took 289 ms."""

FIELD_ITEMS_MAX = 1_024
"""Items of a usable list field."""

ROUND_DIGITS_MAX = 9
"""Decimals of `round`; an arbitrary number of them can hang CPython."""

EXACT_INTEGER_MAX = 2**53
"""Up to here a double holds every integer exactly."""

PROBLEMS_MAX = 8
"""Problems told about one expression; more of them help nobody."""

FINDINGS_CACHED_MAX = 1_024
"""Findings kept per program for input that is not complete."""
