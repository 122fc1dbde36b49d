"""`python -m judgify` is the command."""

from judgify.cli.main import main

main()
