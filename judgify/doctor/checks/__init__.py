"""The checks, one to a file: each looks at one thing and yields what it finds."""
