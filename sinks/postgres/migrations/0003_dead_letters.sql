-- What was buried, by whom and why, with its original bytes.

CREATE TABLE dead_letters (
    topic             text        NOT NULL,    -- where the buried record stood
    partition         integer     NOT NULL,
    record_offset     bigint      NOT NULL,
    record_ts         bigint      NOT NULL,    -- its broker time, ms since the epoch
    agent             text        NOT NULL,    -- who buried it
    key               bytea,
    value             bytea,                   -- cut when it was over 1 MiB; then the next two say so
    value_length      bigint,
    value_sha256      text,
    headers           jsonb,                   -- its own: [{"name", "text" or "base64"}, …]; null: unreadable
    kind              text        NOT NULL,    -- message, bug, lost or skip
    code              text        NOT NULL,
    reason            text        NOT NULL,
    agent_version     text        NOT NULL,
    request_origin    text,                    -- topic/partition/offset/timestamp of the request
    at                timestamptz NOT NULL,    -- when it was buried
    -- The request origin in parts, null where it is not well formed. Topic names hold no slash.
    request_topic     text GENERATED ALWAYS AS (
        CASE WHEN request_origin ~ '^[^/]+/[0-9]{1,9}/[0-9]{1,18}/[0-9]{1,18}$'
             THEN split_part(request_origin, '/', 1) END) STORED,
    request_partition integer GENERATED ALWAYS AS (
        CASE WHEN request_origin ~ '^[^/]+/[0-9]{1,9}/[0-9]{1,18}/[0-9]{1,18}$'
             THEN split_part(request_origin, '/', 2)::integer END) STORED,
    request_offset    bigint GENERATED ALWAYS AS (
        CASE WHEN request_origin ~ '^[^/]+/[0-9]{1,9}/[0-9]{1,18}/[0-9]{1,18}$'
             THEN split_part(request_origin, '/', 3)::bigint END) STORED,
    request_ts        bigint GENERATED ALWAYS AS (
        CASE WHEN request_origin ~ '^[^/]+/[0-9]{1,9}/[0-9]{1,18}/[0-9]{1,18}$'
             THEN split_part(request_origin, '/', 4)::bigint END) STORED,
    PRIMARY KEY (topic, partition, record_offset, record_ts, agent)
);

CREATE INDEX dead_letters_by_request
    ON dead_letters (request_topic, request_partition, request_offset)
    WHERE request_topic IS NOT NULL;
CREATE INDEX dead_letters_by_time ON dead_letters (at);
