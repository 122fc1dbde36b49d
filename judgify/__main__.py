"""`python -m judgify` is the command."""

from judgify.entry import main

main()
