-- Deletes up to $3 duplicates seen from $1 (null: ever) on and before
-- $2, the oldest first.
WITH expired AS MATERIALIZED (
    SELECT ctid AS place
    FROM judgment_duplicates
    WHERE seen_at >= coalesce($1, '-infinity'::timestamptz) AND seen_at < $2
    ORDER BY seen_at
    LIMIT $3
),
deleted AS (
    DELETE FROM judgment_duplicates AS old
    WHERE old.ctid = ANY (ARRAY(SELECT place FROM expired)) AND old.seen_at < $2
    RETURNING seen_at, pg_column_size(old.*) AS size_bytes
)
SELECT count(*) AS rows, max(seen_at) AS reached, coalesce(sum(size_bytes), 0) AS size_bytes
FROM deleted
