"""How all of it stands: gathered within a few seconds, judged by a pure function, shown."""
