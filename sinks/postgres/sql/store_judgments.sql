-- Sorted by id: two sinks that meet the same ids wait for one another instead of deadlocking. The
-- counts come after all judgments, in an order of their own, for the same reason.
WITH stored AS (
    INSERT INTO judgment_executions (
        judgment_id, request_id, tenant, workflow_id, workflow_version, method, status, verdict,
        confidence, rule, reason, correlation_id, submitted_by, degraded, test, error_code,
        requested_at, judged_at, execution_time_ms, origin_topic, origin_partition,
        origin_offset, origin_ts, input_data, detail
    )
    SELECT
        judgment_id, request_id, tenant, workflow_id, workflow_version, method, status, verdict,
        confidence, rule, reason, correlation_id, submitted_by, degraded, test, error_code,
        requested_at, judged_at, execution_time_ms, origin_topic, origin_partition,
        origin_offset, origin_ts, input_data, detail
    FROM incoming_judgments
    ORDER BY judgment_id
    ON CONFLICT (judgment_id) DO NOTHING
    RETURNING tenant, workflow_id, requested_at, method, status, verdict, rule, test
),
counted AS (
    INSERT INTO judgment_counts AS counts
        (tenant, workflow_id, minute, method, status, verdict, rule, test, judgments)
    SELECT
        tenant, workflow_id, date_trunc('minute', requested_at), method, status, verdict, rule, test,
        count(*)
    FROM stored
    GROUP BY 1, 2, 3, 4, 5, 6, 7, 8
    ORDER BY 1, 2, 3, 4, 5, 6, 7, 8
    ON CONFLICT (tenant, workflow_id, minute, method, status, verdict, rule, test)
    DO UPDATE SET judgments = counts.judgments + excluded.judgments
)
SELECT count(*) FROM stored
