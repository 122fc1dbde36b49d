-- What was published about workflows, from `workflows.v1`. The topic is compacted; these keep it all.

CREATE TABLE workflows (
    tenant            text        NOT NULL,
    workflow_id       text        NOT NULL,
    title             text,                    -- of the version published last
    first_seen_at     timestamptz NOT NULL,    -- broker time of its first record
    PRIMARY KEY (tenant, workflow_id)
);

CREATE TABLE workflow_versions (
    tenant            text        NOT NULL,
    workflow_id       text        NOT NULL,
    version           text        NOT NULL,    -- SHA-256 of the canonical document, 64 hex
    document          json        NOT NULL,    -- json, not jsonb: keys stay in the order they were declared
    source            text,                    -- what the author wrote; never judged by
    author            text        NOT NULL,
    note              text        NOT NULL,
    published_at      timestamptz NOT NULL,    -- broker time of its first record
    record_offset     bigint      NOT NULL,    -- of its first record: versions are numbered in this order
    PRIMARY KEY (tenant, workflow_id, version)
);

CREATE TABLE workflow_activations (
    tenant            text        NOT NULL,
    workflow_id       text        NOT NULL,
    activation_id     text        NOT NULL,    -- the last part of the record's key
    version           text,                    -- null: the workflow was retired
    in_force_at       timestamptz NOT NULL,    -- broker time + delay
    author            text        NOT NULL,
    note              text        NOT NULL,
    published_at      timestamptz NOT NULL,
    record_offset     bigint      NOT NULL,    -- order of activations: (in_force_at, record_offset)
    PRIMARY KEY (tenant, workflow_id, activation_id)
);
