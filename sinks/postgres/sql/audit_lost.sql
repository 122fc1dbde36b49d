-- What retention took before it was read, as the agents reported it; the newest first.
SELECT topic, partition, record_offset, agent, reason, at
FROM dead_letters
WHERE kind = 'lost' AND topic = ANY($1::text[])
ORDER BY at DESC, topic, partition, record_offset
LIMIT $2
