SELECT origin_topic, origin_partition, origin_offset, origin_ts, same_content, seen_at
FROM judgment_duplicates
WHERE judgment_id = $1
ORDER BY seen_at
LIMIT $2
