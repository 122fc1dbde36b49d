-- Deletes up to $3 judgments stored from $1 (null: ever) on and before
-- $2, the oldest first.
WITH expired AS MATERIALIZED (
    SELECT ctid AS place
    FROM judgment_executions
    WHERE stored_at >= coalesce($1, '-infinity'::timestamptz) AND stored_at < $2
    ORDER BY stored_at
    LIMIT $3
),
deleted AS (
    DELETE FROM judgment_executions AS old
    WHERE old.ctid = ANY (ARRAY(SELECT place FROM expired)) AND old.stored_at < $2
    RETURNING
        tenant, workflow_id, requested_at, method, status, verdict, rule, test, stored_at,
        pg_column_size(old.*) AS size_bytes
),
taken AS (
    INSERT INTO pruned_counts
    SELECT
        tenant, workflow_id, date_trunc('minute', requested_at), method, status, verdict, rule, test,
        count(*)
    FROM deleted
    GROUP BY 1, 2, 3, 4, 5, 6, 7, 8
)
SELECT count(*) AS rows, max(stored_at) AS reached, coalesce(sum(size_bytes), 0) AS size_bytes
FROM deleted
