-- The newest first; values are shown one at a time, so only their sizes are read here.
SELECT
    topic, partition, record_offset, record_ts, agent, kind, code, reason, request_origin, at,
    redriven_at, redriven_to,
    coalesce(value_length, length(value)) AS value_bytes
FROM dead_letters
WHERE ($1::text IS NULL OR topic = $1)
    AND ($2::text IS NULL OR agent = $2)
    AND ($3::text IS NULL OR code = $3)
    AND ($4::timestamptz IS NULL OR at >= $4)
    AND ($12::interval IS NULL OR at >= now() - $12)
    AND (
        $5::timestamptz IS NULL
        OR (at, topic, partition, record_offset, record_ts, agent) < ($5, $6, $7, $8, $9, $10)
    )
ORDER BY at DESC, topic DESC, partition DESC, record_offset DESC, record_ts DESC, agent DESC
LIMIT $11
