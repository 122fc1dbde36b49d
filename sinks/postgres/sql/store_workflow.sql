INSERT INTO workflows AS known (tenant, workflow_id, title, first_seen_at)
VALUES ($1, $2, $3, $4)
ON CONFLICT (tenant, workflow_id) DO UPDATE SET
    title = coalesce(excluded.title, known.title),
    first_seen_at = least(known.first_seen_at, excluded.first_seen_at)
