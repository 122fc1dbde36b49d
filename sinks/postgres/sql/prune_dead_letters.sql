-- Deletes up to $3 dead letters buried from $1 (null: ever) on and before
-- $2, the oldest first.
WITH expired AS MATERIALIZED (
    SELECT ctid AS place
    FROM dead_letters
    WHERE at >= coalesce($1, '-infinity'::timestamptz) AND at < $2
    ORDER BY at
    LIMIT $3
),
deleted AS (
    DELETE FROM dead_letters AS old
    WHERE old.ctid = ANY (ARRAY(SELECT place FROM expired)) AND old.at < $2
    RETURNING at, pg_column_size(old.*) AS size_bytes
)
SELECT count(*) AS rows, max(at) AS reached, coalesce(sum(size_bytes), 0) AS size_bytes
FROM deleted
