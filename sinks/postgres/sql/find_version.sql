SELECT document, number
FROM (
    SELECT
        version, document,
        row_number() OVER (ORDER BY published_at, record_offset) AS number
    FROM workflow_versions
    WHERE tenant = $1 AND workflow_id = $2
) AS numbered
WHERE version = $3
