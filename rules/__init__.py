"""Rules and workflows: pure, without I/O, clock or randomness."""
