UPDATE dead_letters AS letter
SET redriven_at = now(), redriven_to = done.redriven_to, redriven_by = $7, redrives = redrives + 1
FROM unnest($1::text[], $2::integer[], $3::bigint[], $4::bigint[], $5::text[], $6::text[])
    AS done (topic, partition, record_offset, record_ts, agent, redriven_to)
WHERE (letter.topic, letter.partition, letter.record_offset, letter.record_ts, letter.agent)
    = (done.topic, done.partition, done.record_offset, done.record_ts, done.agent)
