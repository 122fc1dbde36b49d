-- As incoming_judgments.
CREATE TEMPORARY TABLE incoming_dead_letters ON COMMIT DELETE ROWS AS
SELECT
    topic, partition, record_offset, record_ts, agent, key, value, value_length, value_sha256,
    headers, kind, code, reason, agent_version, request_origin, at
FROM dead_letters
WITH NO DATA
