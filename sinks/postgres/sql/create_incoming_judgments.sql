-- Filled by COPY, emptied by every commit. Once per connection. As a query it takes types and no
-- constraints: those that a later release adds must not refuse what this one sends.
CREATE TEMPORARY TABLE incoming_judgments ON COMMIT DELETE ROWS AS
SELECT
    judgment_id, request_id, tenant, workflow_id, workflow_version, method, status, verdict,
    confidence, rule, reason, correlation_id, submitted_by, degraded, test, error_code,
    requested_at, judged_at, execution_time_ms, origin_topic, origin_partition, origin_offset,
    origin_ts, input_data, detail
FROM judgment_executions
WITH NO DATA
