INSERT INTO dead_letters (
    topic, partition, record_offset, record_ts, agent, key, value, value_length, value_sha256,
    headers, kind, code, reason, agent_version, request_origin, at
)
SELECT
    topic, partition, record_offset, record_ts, agent, key, value, value_length, value_sha256,
    headers, kind, code, reason, agent_version, request_origin, at
FROM incoming_dead_letters
ORDER BY topic, partition, record_offset, record_ts, agent, ctid
ON CONFLICT (topic, partition, record_offset, record_ts, agent) DO NOTHING
