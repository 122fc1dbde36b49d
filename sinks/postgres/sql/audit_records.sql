-- The same for single records, by offset ($3) and timestamp ($4): exact, for those that the look by
-- range did not find because the broker's clock was set back after the log began.
SELECT
    record.record_offset,
    CASE
        WHEN EXISTS (
            SELECT FROM judgment_executions
            WHERE origin_topic = $1 AND origin_partition = $2
                AND origin_offset = record.record_offset AND origin_ts = record.ts
        ) THEN 'judged'
        WHEN EXISTS (
            SELECT FROM judgment_duplicates
            WHERE origin_topic = $1 AND origin_partition = $2
                AND origin_offset = record.record_offset AND origin_ts = record.ts
        ) THEN 'duplicate'
        WHEN EXISTS (
            SELECT FROM dead_letters
            WHERE agent = ANY($5::text[]) AND kind <> 'lost'
                AND request_topic = $1 AND request_partition = $2
                AND request_offset = record.record_offset AND request_ts = record.ts
        ) THEN 'buried'
        WHEN EXISTS (
            SELECT FROM dead_letters
            WHERE agent = ANY($5::text[]) AND kind <> 'lost'
                AND topic = $1 AND partition = $2
                AND record_offset = record.record_offset AND record_ts = record.ts
        ) THEN 'buried'
        ELSE 'left over'
    END AS fate
FROM unnest($3::bigint[], $4::bigint[]) AS record (record_offset, ts)
ORDER BY record.record_offset
