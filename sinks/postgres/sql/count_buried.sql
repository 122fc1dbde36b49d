SELECT agent, kind, code, count(*) AS records, count(redriven_at) AS sent_again
FROM dead_letters
WHERE at > now() - interval '1 hour'
GROUP BY agent, kind, code
ORDER BY records DESC, agent, code
LIMIT $1
