-- The newest judgments first. Without a workflow each one is looked up by its own stretch of the
-- index (the recursion leaps from workflow to workflow), never by reading the table. The counts name
-- the minutes that hold what is wanted, so that what is rare is found without reading what is not.
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
    SELECT one.*
    FROM (
        SELECT DISTINCT counts.minute
        FROM judgment_counts AS counts
        WHERE counts.tenant = known.tenant AND counts.workflow_id = known.workflow_id
            AND ($3::text IS NULL OR counts.verdict = $3)
            AND ($4::text IS NULL OR counts.status = $4)
            AND ($5::text IS NULL OR counts.rule = $5)
            AND counts.minute >= date_trunc('minute', coalesce($6::timestamptz, '-infinity'))
            AND counts.minute >= date_trunc('minute', coalesce(now() - $10::interval, '-infinity'))
            AND counts.minute <= coalesce($7::timestamptz, 'infinity')
        ORDER BY counts.minute DESC
    ) AS held
    CROSS JOIN LATERAL (
        SELECT *
        FROM judgment_executions AS each
        WHERE each.tenant = known.tenant AND each.workflow_id = known.workflow_id
            AND each.requested_at >= held.minute
            AND each.requested_at < held.minute + interval '1 minute'
            AND ($3::text IS NULL OR each.verdict = $3)
            AND ($4::text IS NULL OR each.status = $4)
            AND ($5::text IS NULL OR each.rule = $5)
            AND ($6::timestamptz IS NULL OR each.requested_at >= $6)
            AND ($10::interval IS NULL OR each.requested_at >= now() - $10)
            AND ($7::timestamptz IS NULL OR each.requested_at <= $7)
            AND ($7::timestamptz IS NULL OR (each.requested_at, each.judgment_id) < ($7, $8::uuid))
        ORDER BY each.requested_at DESC, each.judgment_id DESC
        LIMIT $9
    ) AS one
    ORDER BY held.minute DESC, one.requested_at DESC, one.judgment_id DESC
    LIMIT $9
) AS judgment
WHERE ($1::text IS NULL OR known.tenant = $1) AND ($2::text IS NULL OR known.workflow_id = $2)
ORDER BY judgment.requested_at DESC, judgment.judgment_id DESC
LIMIT $9
