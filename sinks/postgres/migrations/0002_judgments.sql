-- One row per judgment, for ever the one that was stored first; later records of its id; and counts.

CREATE TABLE judgment_executions (
    judgment_id       uuid             PRIMARY KEY,
    request_id        text             NOT NULL,
    tenant            text             NOT NULL,
    workflow_id       text             NOT NULL,
    workflow_version  text,                        -- 64 hex; null: no version was in force
    method            text             NOT NULL,   -- rule, hybrid or llm: how it was decided
    status            text             NOT NULL,   -- decided, undetermined, expired or error
    verdict           text,                        -- null unless decided
    confidence        double precision,            -- 0 to 1
    rule              text,                        -- null: no rule held (otherwise)
    reason            text             NOT NULL,
    correlation_id    text,
    submitted_by      text,
    degraded          boolean          NOT NULL,
    test              boolean          NOT NULL,
    error_code        text,
    requested_at      timestamptz      NOT NULL,   -- broker time of the request
    judged_at         timestamptz      NOT NULL,
    execution_time_ms double precision NOT NULL,
    origin_topic      text             NOT NULL,   -- where the request stands in the log
    origin_partition  integer          NOT NULL,
    origin_offset     bigint           NOT NULL,
    origin_ts         bigint           NOT NULL,   -- ms since the epoch; tells a re-created topic apart
    input_data        jsonb            NOT NULL,
    detail            jsonb            NOT NULL,   -- unknown, possible, escalation, llm, error, engine
    stored_at         timestamptz      NOT NULL DEFAULT now()
);

CREATE INDEX judgment_executions_by_workflow
    ON judgment_executions (tenant, workflow_id, requested_at);
CREATE INDEX judgment_executions_by_request
    ON judgment_executions (tenant, request_id);
-- Not unique: a repeated delivery may not fail. The timestamp rides along for the audit.
CREATE INDEX judgment_executions_by_origin
    ON judgment_executions (origin_topic, origin_partition, origin_offset) INCLUDE (origin_ts);

CREATE TABLE judgment_duplicates (
    origin_topic      text             NOT NULL,
    origin_partition  integer          NOT NULL,
    origin_offset     bigint           NOT NULL,
    origin_ts         bigint           NOT NULL,
    judgment_id       uuid             NOT NULL,
    same_content      boolean          NOT NULL,   -- verdict and input equal the stored judgment's
    seen_at           timestamptz      NOT NULL DEFAULT now(),
    PRIMARY KEY (origin_topic, origin_partition, origin_offset, origin_ts)
);

CREATE INDEX judgment_duplicates_by_judgment ON judgment_duplicates (judgment_id);

-- Judgments really stored, by the minute of their request. Pages read this instead of the judgments.
CREATE TABLE judgment_counts (
    tenant            text             NOT NULL,
    workflow_id       text             NOT NULL,
    minute            timestamptz      NOT NULL,
    method            text             NOT NULL,
    status            text             NOT NULL,
    verdict           text,
    rule              text,
    test              boolean          NOT NULL,
    judgments         bigint           NOT NULL,
    CONSTRAINT judgment_counts_key UNIQUE NULLS NOT DISTINCT
        (tenant, workflow_id, minute, method, status, verdict, rule, test)
);
