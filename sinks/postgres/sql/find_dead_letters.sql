SELECT *
FROM dead_letters
WHERE topic = $1 AND partition = $2 AND record_offset = $3
ORDER BY record_ts DESC, agent
LIMIT $4
