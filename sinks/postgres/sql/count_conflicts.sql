-- Of the newest $2 duplicates at most, as count_errors.
SELECT judgment.workflow_id, count(*) AS records
FROM (
    SELECT judgment_id, same_content
    FROM judgment_duplicates
    WHERE seen_at > now() - interval '1 hour'
    ORDER BY seen_at DESC
    LIMIT $2
) AS newest
JOIN judgment_executions AS judgment USING (judgment_id)
WHERE NOT newest.same_content
GROUP BY judgment.workflow_id
ORDER BY records DESC, judgment.workflow_id
LIMIT $1
