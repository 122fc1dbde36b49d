-- What came of the requests in ranges of offsets, stored now; a duplicate is not a row of its own.
SELECT coalesce(judgment.verdict, judgment.status) AS outcome, count(*) AS count
FROM judgment_executions AS judgment
JOIN unnest($2::integer[], $3::bigint[], $4::bigint[]) AS range (partition, first, last)
    ON judgment.origin_partition = range.partition
    AND judgment.origin_offset BETWEEN range.first AND range.last
WHERE judgment.origin_topic = $1
GROUP BY outcome
ORDER BY count DESC, outcome
