SELECT count(*)
FROM judgment_duplicates AS duplicate
JOIN unnest($2::integer[], $3::bigint[], $4::bigint[]) AS range (partition, first, last)
    ON duplicate.origin_partition = range.partition
    AND duplicate.origin_offset BETWEEN range.first AND range.last
WHERE duplicate.origin_topic = $1
