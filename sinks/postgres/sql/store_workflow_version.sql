INSERT INTO workflow_versions (
    tenant, workflow_id, version, document, source, author, note, published_at, record_offset
)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
ON CONFLICT (tenant, workflow_id, version) DO NOTHING
