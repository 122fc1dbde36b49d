-- What an LLM made of the requests in ranges of offsets: whose question it was, and what it took.
SELECT
    count(*) FILTER (WHERE judgment.method <> 'rule') AS answered,
    count(*) FILTER (WHERE judgment.method = 'rule') AS unanswered,
    max(judgment.detail -> 'llm' ->> 'model') AS model,
    coalesce(sum((judgment.detail -> 'llm' ->> 'cost_usd')::double precision), 0) AS cost_usd,
    coalesce(sum((judgment.detail -> 'llm' ->> 'tokens_in')::bigint), 0)::bigint AS tokens_in,
    coalesce(sum((judgment.detail -> 'llm' ->> 'tokens_out')::bigint), 0)::bigint AS tokens_out
FROM judgment_executions AS judgment
JOIN unnest($2::integer[], $3::bigint[], $4::bigint[]) AS range (partition, first, last)
    ON judgment.origin_partition = range.partition
    AND judgment.origin_offset BETWEEN range.first AND range.last
WHERE judgment.origin_topic = $1 AND judgment.detail ->> 'escalation' IS NOT NULL
