-- In the order in which a sink writes them: they wait for one another instead of deadlocking.
SELECT counts.minute
FROM judgment_counts AS counts
JOIN pruned_counts AS pruned USING (tenant, workflow_id, minute, method, status, test)
WHERE counts.verdict IS NOT DISTINCT FROM pruned.verdict
    AND counts.rule IS NOT DISTINCT FROM pruned.rule
ORDER BY
    counts.tenant, counts.workflow_id, counts.minute, counts.method, counts.status, counts.verdict,
    counts.rule, counts.test
FOR UPDATE OF counts
