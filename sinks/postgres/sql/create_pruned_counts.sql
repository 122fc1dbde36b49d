-- What a slice of pruned judgments takes from the counts. Once per connection, emptied by commits.
CREATE TEMPORARY TABLE pruned_counts ON COMMIT DELETE ROWS AS
SELECT tenant, workflow_id, minute, method, status, verdict, rule, test, judgments
FROM judgment_counts
WITH NO DATA
