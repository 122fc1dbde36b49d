-- The newest judgments first. Without a workflow each one is looked up by its own stretch of the
-- index (the recursion leaps from workflow to workflow), never by reading the table.
WITH RECURSIVE known AS (
    (
        SELECT tenant, workflow_id
        FROM judgment_executions
        ORDER BY tenant, workflow_id
        LIMIT 1
    )
    UNION ALL
    SELECT following.tenant, following.workflow_id
    FROM known
    CROSS JOIN LATERAL (
        SELECT judgment.tenant, judgment.workflow_id
        FROM judgment_executions AS judgment
        WHERE (judgment.tenant, judgment.workflow_id) > (known.tenant, known.workflow_id)
        ORDER BY judgment.tenant, judgment.workflow_id
        LIMIT 1
    ) AS following
)
SELECT judgment.*
FROM known
CROSS JOIN LATERAL (
    SELECT *
    FROM judgment_executions AS one
    WHERE one.tenant = known.tenant AND one.workflow_id = known.workflow_id
        AND ($3::text IS NULL OR one.verdict = $3)
        AND ($4::text IS NULL OR one.status = $4)
        AND ($5::text IS NULL OR one.rule = $5)
        AND ($6::timestamptz IS NULL OR one.requested_at >= $6)
        AND ($10::interval IS NULL OR one.requested_at >= now() - $10)
        AND ($7::timestamptz IS NULL OR one.requested_at <= $7)
        AND ($7::timestamptz IS NULL OR (one.requested_at, one.judgment_id) < ($7, $8::uuid))
    ORDER BY one.requested_at DESC, one.judgment_id DESC
    LIMIT $9
) AS judgment
WHERE ($1::text IS NULL OR known.tenant = $1) AND ($2::text IS NULL OR known.workflow_id = $2)
ORDER BY judgment.requested_at DESC, judgment.judgment_id DESC
LIMIT $9
