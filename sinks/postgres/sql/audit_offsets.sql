-- What became of the records at offsets $3 to $4 - 1 of topic $1, partition $2, as far as the tables
-- tell. Rows older than $5 (ms) belong to a topic of this name that was deleted. A record counts
-- once: judged, else duplicate, else buried, else it is among the missing.
WITH judged AS (
    SELECT DISTINCT origin_offset AS record_offset
    FROM judgment_executions
    WHERE origin_topic = $1 AND origin_partition = $2
        AND origin_offset >= $3 AND origin_offset < $4 AND origin_ts >= $5
),
duplicates AS (
    SELECT DISTINCT origin_offset AS record_offset
    FROM judgment_duplicates
    WHERE origin_topic = $1 AND origin_partition = $2
        AND origin_offset >= $3 AND origin_offset < $4 AND origin_ts >= $5
),
buried AS (
    SELECT request_offset AS record_offset
    FROM dead_letters
    WHERE request_topic = $1 AND request_partition = $2
        AND request_offset >= $3 AND request_offset < $4 AND request_ts >= $5
        AND agent = ANY($6::text[]) AND kind <> 'lost'
    UNION
    SELECT record_offset
    FROM dead_letters
    WHERE topic = $1 AND partition = $2
        AND record_offset >= $3 AND record_offset < $4 AND record_ts >= $5
        AND agent = ANY($6::text[]) AND kind <> 'lost'
)
SELECT
    count(judged.record_offset) AS judged,
    count(*) FILTER (
        WHERE judged.record_offset IS NULL AND duplicates.record_offset IS NOT NULL
    ) AS duplicates,
    count(*) FILTER (
        WHERE judged.record_offset IS NULL AND duplicates.record_offset IS NULL
            AND buried.record_offset IS NOT NULL
    ) AS buried,
    coalesce(array_agg(span.record_offset ORDER BY span.record_offset) FILTER (
        WHERE judged.record_offset IS NULL AND duplicates.record_offset IS NULL
            AND buried.record_offset IS NULL
    ), '{}') AS missing
FROM generate_series($3::bigint, $4::bigint - 1) AS span (record_offset)
LEFT JOIN judged USING (record_offset)
LEFT JOIN duplicates USING (record_offset)
LEFT JOIN buried USING (record_offset)
