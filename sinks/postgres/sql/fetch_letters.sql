-- With what else is known of each record: who buried it last, and whether it was sent again as any
-- of its letters.
SELECT
    letter.topic, letter.partition, letter.record_offset, letter.record_ts, letter.agent,
    letter.kind, letter.code, letter.key, letter.value, letter.value_length, letter.headers,
    record.redriven_at, record.newest_agent
FROM dead_letters AS letter
JOIN unnest($1::text[], $2::integer[], $3::bigint[], $4::bigint[], $5::text[])
    AS wanted (topic, partition, record_offset, record_ts, agent)
    USING (topic, partition, record_offset, record_ts, agent)
CROSS JOIN LATERAL (
    SELECT
        max(other.redriven_at) AS redriven_at,
        (array_agg(other.agent ORDER BY other.at DESC, other.agent DESC))[1] AS newest_agent
    FROM dead_letters AS other
    WHERE other.topic = letter.topic AND other.partition = letter.partition
        AND other.record_offset = letter.record_offset AND other.record_ts = letter.record_ts
) AS record
ORDER BY topic, partition, record_offset, record_ts, agent
