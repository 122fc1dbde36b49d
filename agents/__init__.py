"""One stage per file or folder: what happens to a record between two topics."""
