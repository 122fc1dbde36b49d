-- Of the records that were named, each looked up by key. Otherwise as select_letters.
SELECT letter.topic, letter.partition, letter.record_offset, letter.record_ts, letter.agent
FROM dead_letters AS letter
JOIN (
    SELECT DISTINCT * FROM unnest($10::text[], $11::integer[], $12::bigint[])
) AS named (topic, partition, record_offset) USING (topic, partition, record_offset)
WHERE ($1::text IS NULL OR topic = $1)
    AND ($2::text IS NULL OR agent = $2)
    AND ($3::text IS NULL OR kind = $3)
    AND ($4::text IS NULL OR code = $4)
    AND ($5::timestamptz IS NULL OR at >= $5)
    AND ($6::interval IS NULL OR at >= now() - $6)
    AND ($7::timestamptz IS NULL OR at < $7)
    AND ($8::interval IS NULL OR at < now() - $8)
ORDER BY topic, partition, record_offset, record_ts, agent
LIMIT $9
