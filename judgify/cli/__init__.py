"""The command `judgify`: one file per command group."""
