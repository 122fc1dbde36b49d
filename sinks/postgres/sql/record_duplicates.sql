-- Of the incoming rows, those whose id is stored with another origin. Stored rows have the origin
-- they were sent with, so neither they nor a delivery that came again are among them.
--
-- A statement of its own, so it sees what another sink committed while ours waited for its row.
-- OFFSET 0 keeps the look-up by key: incoming rows outside, one probe of the index for each.
WITH later AS (
    SELECT DISTINCT ON (new.origin_topic, new.origin_partition, new.origin_offset, new.origin_ts)
        new.origin_topic, new.origin_partition, new.origin_offset, new.origin_ts, new.judgment_id,
        CASE WHEN new.workflow_version IS NOT NULL THEN new.workflow_id END AS known_workflow,
        new.verdict IS NOT DISTINCT FROM old.verdict AND new.input_data = old.input_data AS same
    FROM incoming_judgments AS new
    CROSS JOIN LATERAL (
        SELECT * FROM judgment_executions AS stored
        WHERE stored.judgment_id = new.judgment_id
        OFFSET 0
    ) AS old
    WHERE (old.origin_topic, old.origin_partition, old.origin_offset, old.origin_ts)
        <> (new.origin_topic, new.origin_partition, new.origin_offset, new.origin_ts)
    ORDER BY 1, 2, 3, 4, new.ctid
),
recorded AS (
    INSERT INTO judgment_duplicates
        (origin_topic, origin_partition, origin_offset, origin_ts, judgment_id, same_content)
    SELECT origin_topic, origin_partition, origin_offset, origin_ts, judgment_id, same
    FROM later
    ON CONFLICT DO NOTHING
    RETURNING origin_topic, origin_partition, origin_offset, origin_ts
)
SELECT known_workflow, count(*) AS conflicts
FROM recorded
JOIN later USING (origin_topic, origin_partition, origin_offset, origin_ts)
WHERE NOT same
GROUP BY known_workflow
