-- In the order of the log, so that requests of one key are sent again in the order they came in. The
-- last condition stands alone, so that each page begins in the index where the one before ended.
SELECT
    topic, partition, record_offset, record_ts, agent, kind, code, key, value, value_length,
    headers, redriven_at, redriven_to
FROM dead_letters
WHERE ($1::text IS NULL OR topic = $1)
    AND ($2::text IS NULL OR agent = $2)
    AND ($3::text IS NULL OR kind = $3)
    AND ($4::text IS NULL OR code = $4)
    AND ($5::timestamptz IS NULL OR at >= $5)
    AND ($6::interval IS NULL OR at >= now() - $6)
    AND ($7::timestamptz IS NULL OR at < $7)
    AND ($8::interval IS NULL OR at < now() - $8)
    AND (
        cardinality($9::text[]) = 0
        OR (topic, partition, record_offset) IN (
            SELECT * FROM unnest($9::text[], $10::integer[], $11::bigint[])
        )
    )
    AND (topic, partition, record_offset, record_ts, agent) > ($12, $13, $14, $15, $16)
ORDER BY topic, partition, record_offset, record_ts, agent
LIMIT $17
