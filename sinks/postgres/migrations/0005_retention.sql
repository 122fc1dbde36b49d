-- What `judgify db prune` and the audit look for, each by an index of its own. Nothing else changes.

-- All rows of one transaction share a time, so an entry takes six bytes and goes to the last page.
CREATE INDEX judgment_executions_by_stored_at ON judgment_executions (stored_at);
CREATE INDEX judgment_duplicates_by_seen_at ON judgment_duplicates (seen_at);
-- Losses are few; without this the audit would read every dead letter of a topic to find them.
CREATE INDEX dead_letters_lost ON dead_letters (topic, at) WHERE kind = 'lost';
