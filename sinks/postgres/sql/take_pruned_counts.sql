-- A statement of its own: it sees what a sink added while the one before waited for its row.
UPDATE judgment_counts AS counts
SET judgments = counts.judgments - pruned.judgments
FROM pruned_counts AS pruned
WHERE counts.tenant = pruned.tenant AND counts.workflow_id = pruned.workflow_id
    AND counts.minute = pruned.minute AND counts.method = pruned.method
    AND counts.status = pruned.status AND counts.test = pruned.test
    AND counts.verdict IS NOT DISTINCT FROM pruned.verdict
    AND counts.rule IS NOT DISTINCT FROM pruned.rule
