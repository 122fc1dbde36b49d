"""PostgreSQL: what is stored, set-wise and once, and the SQL that reads it."""
