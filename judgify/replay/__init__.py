"""In and out from the command line: a file sent as requests, and what became of each."""
