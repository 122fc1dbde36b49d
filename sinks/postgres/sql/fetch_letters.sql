SELECT
    topic, partition, record_offset, record_ts, agent, kind, code, key, value, value_length,
    headers, redriven_at, redriven_to
FROM dead_letters
JOIN unnest($1::text[], $2::integer[], $3::bigint[], $4::bigint[], $5::text[])
    AS wanted (topic, partition, record_offset, record_ts, agent)
    USING (topic, partition, record_offset, record_ts, agent)
ORDER BY topic, partition, record_offset, record_ts, agent
