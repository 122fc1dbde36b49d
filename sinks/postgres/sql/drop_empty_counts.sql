DELETE FROM judgment_counts AS counts
USING pruned_counts AS pruned
WHERE counts.judgments <= 0
    AND counts.tenant = pruned.tenant AND counts.workflow_id = pruned.workflow_id
    AND counts.minute = pruned.minute AND counts.method = pruned.method
    AND counts.status = pruned.status AND counts.test = pruned.test
    AND counts.verdict IS NOT DISTINCT FROM pruned.verdict
    AND counts.rule IS NOT DISTINCT FROM pruned.rule
