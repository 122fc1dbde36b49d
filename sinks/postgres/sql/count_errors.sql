-- Of the newest $2 judgments at most: the look must not grow with the load.
SELECT workflow_id, error_code AS code, count(*) AS records
FROM (
    SELECT workflow_id, error_code
    FROM judgment_executions
    WHERE stored_at > now() - interval '1 hour'
    ORDER BY stored_at DESC
    LIMIT $2
) AS newest
WHERE error_code IS NOT NULL
GROUP BY workflow_id, error_code
ORDER BY records DESC, workflow_id, code
LIMIT $1
