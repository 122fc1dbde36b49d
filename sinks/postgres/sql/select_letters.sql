-- In the order of the log, so that requests of one key are sent again in the order they came in.
-- Names alone, in one go: a page at a time, each page would look for the few of a cause again.
SELECT topic, partition, record_offset, record_ts, agent
FROM dead_letters
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
