INSERT INTO workflow_activations (
    tenant, workflow_id, activation_id, version, in_force_at, author, note, published_at,
    record_offset
)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
ON CONFLICT (tenant, workflow_id, activation_id) DO NOTHING
