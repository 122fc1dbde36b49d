-- judgify: no transaction
-- judgify: same as 97ac6378c29ed3e299d114cbec264bf7e3b6f4097026def4630a3c86e1ebe409
-- What `judgify db prune` and the audit look for, each by an index of its own. Nothing else changes,
-- and the sink writes on meanwhile. The text named above made the same indexes, but kept the sink out.

-- All rows of one transaction share a time, so an entry takes six bytes and goes to the last page.
CREATE INDEX CONCURRENTLY IF NOT EXISTS judgment_executions_by_stored_at
    ON judgment_executions (stored_at);
CREATE INDEX CONCURRENTLY IF NOT EXISTS judgment_duplicates_by_seen_at
    ON judgment_duplicates (seen_at);
-- Losses are few; without this the audit would read every dead letter of a topic to find them.
CREATE INDEX CONCURRENTLY IF NOT EXISTS dead_letters_lost
    ON dead_letters (topic, at) WHERE kind = 'lost';
