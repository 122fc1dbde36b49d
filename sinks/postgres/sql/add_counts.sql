-- Counts of judgments that were stored by COPY, which returns no rows. In the order of
-- store_judgments, so that sinks wait for one another instead of deadlocking.
--
-- COPY does not miss the primary key when somebody has dropped it; the plan of `guard` does, which
-- stores nothing.
WITH guard AS (
    INSERT INTO judgment_executions
    SELECT * FROM judgment_executions WHERE false
    ON CONFLICT (judgment_id) DO NOTHING
)
INSERT INTO judgment_counts AS counts
    (tenant, workflow_id, minute, method, status, verdict, rule, test, judgments)
SELECT tenant, workflow_id, minute, method, status, verdict, rule, test, judgments
FROM unnest(
    $1::text[], $2::text[], $3::timestamptz[], $4::text[], $5::text[], $6::text[], $7::text[],
    $8::boolean[], $9::bigint[]
) AS added (tenant, workflow_id, minute, method, status, verdict, rule, test, judgments)
ORDER BY 1, 2, 3, 4, 5, 6, 7, 8
ON CONFLICT (tenant, workflow_id, minute, method, status, verdict, rule, test)
DO UPDATE SET judgments = counts.judgments + excluded.judgments
