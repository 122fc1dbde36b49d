-- By the judgment's own id ($1, null: the text is no such id), else by the request's ($2).
SELECT *
FROM judgment_executions
WHERE judgment_id = $1::uuid
UNION ALL
SELECT *
FROM judgment_executions
WHERE tenant = $3 AND request_id = $2 AND ($4::text IS NULL OR workflow_id = $4)
    AND judgment_id IS DISTINCT FROM $1::uuid
LIMIT $5
