"""The invariants: each a query over the evidence that returns what breaks it, and nothing if it holds.

The codes are those by which people here speak of them; I5, I12 and I13 need agents and doors that
this run does not have.
"""

from typing import Final, NamedTuple

from tests.support.skips import NO_RIGHT_TO_MOUNT

RSS_MIB_MAX: Final = 250
RECOVERY_S_MAX: Final = 30
CONVERGE_S_MAX: Final = 60
"""From the end of the load, everything healed, to the last commit."""
TERM_S_MAX: Final = 10
FILES_GROWTH_MAX: Final = 16
"""Sockets that a producer or a consumer may hold more after it was replaced."""
LOOKS_MIN: Final = 20
"""Seconds that a process must have been ready for its open files to be compared."""
LATE_PERCENT_MAX: Final = 50
"""Of the faults, those for which a busy machine left no time, though it had twice as much."""
CLOCK_SLACK_S: Final = 0.05
"""`stored_at` is when a transaction began, on the same machine's clock."""


BY_LLM: Final = '%"method":"hybrid"%'
"""In a content: an LLM gave the verdict."""


class Invariant(NamedTuple):
    """What must hold."""

    code: str
    title: str
    query: str
    """Returns one row per offender, in words that lead to it."""


INVARIANTS: Final = (
    Invariant(
        "I1a",
        "what the broker acknowledged is in the log",
        """
        SELECT 'request n=' || sent.n || ' was acknowledged at ' || sent.partition || '/'
               || sent.offset || ', where the log has n=' || coalesce(requests.n, 'nothing')
        FROM sent LEFT JOIN requests USING (partition, offset)
        WHERE sent.offset IS NOT NULL AND requests.n IS NOT sent.n
        """,
    ),
    Invariant(
        "I1b",
        "every request in the log has a result or a dead letter",
        """
        SELECT 'request n=' || n || ' at ' || partition || '/' || offset || ' has neither'
        FROM requests AS r
        WHERE NOT EXISTS (SELECT 1 FROM results WHERE o_partition = r.partition
                          AND o_offset = r.offset AND o_ts = r.ts)
          AND NOT EXISTS (SELECT 1 FROM letters WHERE s_partition = r.partition
                          AND s_offset = r.offset AND s_ts = r.ts AND agent = 'rule-agent')
        """,
    ),
    Invariant(
        "I1c",
        "every request in the log is stored, a duplicate or buried in PostgreSQL",
        """
        SELECT 'request n=' || n || ' at ' || partition || '/' || offset || ' is in no table'
        FROM requests AS r
        WHERE NOT EXISTS (SELECT 1 FROM stored WHERE o_partition = r.partition
                          AND o_offset = r.offset AND o_ts = r.ts)
          AND NOT EXISTS (SELECT 1 FROM duplicates WHERE o_partition = r.partition
                          AND o_offset = r.offset AND o_ts = r.ts)
          AND NOT EXISTS (SELECT 1 FROM buried WHERE s_partition = r.partition
                          AND s_offset = r.offset AND s_ts = r.ts)
        """,
    ),
    Invariant(
        "I1d",
        "malformed requests are buried, and only these",
        """
        SELECT 'request n=' || r.n || ' (' || sent.kind || ') is '
               || CASE WHEN sent.kind = 'malformed' THEN 'not ' ELSE '' END || 'buried'
        FROM requests AS r JOIN sent USING (n)
        WHERE (sent.kind = 'malformed') <> EXISTS (
            SELECT 1 FROM buried WHERE s_partition = r.partition AND s_offset = r.offset)
        """,
    ),
    Invariant(
        "I1e",
        f"all of it is finished within {CONVERGE_S_MAX} s",
        f"""
        SELECT value || ' records were never finished' FROM facts
        WHERE name = 'left_unfinished' AND value <> 0
        UNION ALL
        SELECT 'it took ' || value || ' s' FROM facts
        WHERE name = 'converge_s' AND value > {CONVERGE_S_MAX}
        """,
    ),
    Invariant(
        "I2a",
        "one row per judgment, under a unique index",
        """
        SELECT 'judgment ' || judgment_id || ' has ' || count(*) || ' rows'
        FROM stored GROUP BY judgment_id HAVING count(*) > 1
        UNION ALL
        SELECT 'judgment_executions has no unique index on judgment_id'
        FROM facts WHERE name = 'unique_index' AND value <> 1
        """,
    ),
    Invariant(
        "I2b",
        "no origin is both the judgment and its duplicate",
        """
        SELECT 'origin ' || o_partition || '/' || o_offset || ' is stored and a duplicate'
        FROM stored JOIN duplicates USING (o_partition, o_offset, o_ts)
        """,
    ),
    Invariant(
        "I3a",
        "every escalated request has exactly one row",
        """
        WITH escalated AS (SELECT DISTINCT o_partition, o_offset, o_ts, n FROM escalations)
        SELECT 'escalated request n=' || n || ' has ' || rows || ' rows' FROM (
            SELECT n, (SELECT count(*) FROM stored AS s WHERE s.o_partition = e.o_partition
                       AND s.o_offset = e.o_offset AND s.o_ts = e.o_ts)
                    + (SELECT count(*) FROM duplicates AS d WHERE d.o_partition = e.o_partition
                       AND d.o_offset = e.o_offset AND d.o_ts = e.o_ts) AS rows
            FROM escalated AS e)
        WHERE rows <> 1
        """,
    ),
    Invariant(
        "I3b",
        "nobody judges by an LLM what was not escalated",
        f"""
        SELECT 'request n=' || n || ' was judged by an LLM and never escalated' FROM results AS r
        WHERE content LIKE '{BY_LLM}' AND NOT EXISTS (
            SELECT 1 FROM escalations AS e WHERE e.o_partition = r.o_partition
            AND e.o_offset = r.o_offset AND e.o_ts = r.o_ts)
        """,
    ),
    Invariant(
        "I4a",
        "one origin has one content on the results topic; an LLM may be asked again",
        """
        SELECT 'origin ' || o_partition || '/' || o_offset || ' has ' || count(DISTINCT content)
               || ' contents, the first: ' || min(content)
        FROM results AS r WHERE NOT EXISTS (
            SELECT 1 FROM escalations AS e
            WHERE e.o_partition = r.o_partition AND e.o_offset = r.o_offset)
        GROUP BY o_partition, o_offset, o_ts HAVING count(DISTINCT content) > 1
        """,
    ),
    Invariant(
        "I4b",
        "PostgreSQL holds what the topic holds for the same origin",
        """
        SELECT 'judgment ' || s.judgment_id || ' of origin ' || o_partition || '/' || o_offset
               || ' is stored with a content that the topic has not'
        FROM stored AS s
        WHERE NOT EXISTS (SELECT 1 FROM results AS r WHERE r.o_partition = s.o_partition
                          AND r.o_offset = s.o_offset AND r.o_ts = s.o_ts
                          AND r.content = s.content)
        """,
    ),
    Invariant(
        "I4c",
        "the verdict is the one that the request deserves",
        """
        SELECT 'request n=' || sent.n || ' is ' || results.status || '/'
               || coalesce(results.verdict, '-') || ', not ' || sent.status || '/'
               || coalesce(sent.verdict, '-')
        FROM results JOIN requests ON partition = o_partition AND requests.offset = o_offset
        JOIN sent ON sent.n = requests.n
        WHERE sent.status IS NOT NULL
          AND (results.status <> sent.status OR results.verdict IS NOT sent.verdict)
        """.replace("partition = o_partition", "requests.partition = o_partition"),
    ),
    Invariant(
        "I6a",
        "rule-agent commits nothing whose outcome was not in a topic at that moment",
        """
        WITH first_outcome AS (
            SELECT r.partition, r.offset, r.n,
                   (SELECT min(offset) FROM results
                    WHERE o_partition = r.partition AND o_offset = r.offset) AS result,
                   (SELECT min(offset) FROM letters
                    WHERE agent = 'rule-agent' AND s_partition = r.partition
                      AND s_offset = r.offset) AS letter,
                   (SELECT min(offset) FROM escalations
                    WHERE o_partition = r.partition AND o_offset = r.offset) AS escalation
            FROM requests AS r)
        SELECT 'at ' || o.t || ' s the commit ' || o.partition || '/' || o.committed
               || ' covered request n=' || f.n || ' at offset ' || f.offset
        FROM offsets AS o JOIN first_outcome AS f USING (partition)
        WHERE o.agent = 'rule-agent' AND f.offset < o.committed
          AND coalesce(f.result, o.results_end) >= o.results_end
          AND coalesce(f.letter, o.letters_end) >= o.letters_end
          AND coalesce(f.escalation, o.escalations_end) >= o.escalations_end
        """,
    ),
    Invariant(
        "I6c",
        "llm-agent commits nothing whose judgment was not in the topic at that moment",
        """
        WITH first_result AS (
            SELECT e.partition, e.offset, e.n,
                   (SELECT min(offset) FROM results AS r
                    WHERE r.o_partition = e.o_partition AND r.o_offset = e.o_offset) AS result
            FROM escalations AS e)
        SELECT 'at ' || o.t || ' s the commit ' || o.partition || '/' || o.committed
               || ' covered the escalation of n=' || f.n || ' at offset ' || f.offset
        FROM offsets AS o JOIN first_result AS f USING (partition)
        WHERE o.agent = 'llm-agent' AND f.offset < o.committed
          AND coalesce(f.result, o.results_end) >= o.results_end
        """,
    ),
    Invariant(
        "I6b",
        "postgres-sink commits nothing that was not in PostgreSQL at that moment",
        f"""
        WITH at_rest AS (
            SELECT r.partition, r.offset, min(coalesce(s.at, d.at)) AS at
            FROM results AS r
            LEFT JOIN stored AS s USING (o_partition, o_offset, o_ts)
            LEFT JOIN duplicates AS d USING (o_partition, o_offset, o_ts)
            GROUP BY r.partition, r.offset)
        SELECT 'at ' || o.t || ' s the commit ' || o.partition || '/' || o.committed
               || ' covered result ' || a.offset
        FROM offsets AS o JOIN at_rest AS a USING (partition)
        WHERE o.agent = 'postgres-sink' AND a.offset < o.committed
          AND coalesce(a.at, 1e18) > o.at + {CLOCK_SLACK_S}
        """,
    ),
    Invariant(
        "I7a",
        "every result comes from a request in the log",
        """
        SELECT 'result ' || results.partition || '/' || results.offset || ' names origin '
               || o_partition || '/' || o_offset || ' with n=' || coalesce(results.n, 'none')
        FROM results LEFT JOIN requests
          ON requests.partition = o_partition AND requests.offset = o_offset AND ts = o_ts
        WHERE requests.n IS NOT results.n OR requests.n IS NULL
        """,
    ),
    Invariant(
        "I7b",
        "every judgment has the id of its request",
        """
        SELECT 'judgment ' || s.judgment_id || ' of request n=' || s.n || ' must be '
               || sent.judgment_id
        FROM stored AS s LEFT JOIN sent ON sent.n = s.n
        WHERE sent.n IS NULL
           OR (sent.judgment_id IS NOT NULL AND sent.judgment_id <> s.judgment_id)
        """,
    ),
    Invariant(
        "I8",
        f"no agent takes more than {RSS_MIB_MAX} MB",
        f"""
        SELECT slot || ' (pid ' || pid || ') had ' || max(rss_mib) || ' MiB'
        FROM vitals WHERE rss_mib * 1.048576 > {RSS_MIB_MAX} GROUP BY slot, pid
        """,
    ),
    Invariant(
        "I9",
        f"the first progress comes within {RECOVERY_S_MAX} s of each healing",
        f"""
        SELECT lane || ' took ' || coalesce(took_s || ' s', 'for ever') || ' after ' || fault
               || ' of ' || target || ' was healed at ' || healed_s || ' s'
        FROM recoveries WHERE coalesce(took_s, 1e9) > {RECOVERY_S_MAX}
        """,
    ),
    Invariant(
        "I9b",
        "no process ends by itself",
        """
        SELECT slot || ' (pid ' || pid || ') ended at ' || t || ' s: ' || reason
        FROM ended WHERE cause IS NULL
        """,
    ),
    Invariant(
        "I10",
        f"SIGTERM ends a process within {TERM_S_MAX} s, with code 0 once it was ready",
        f"""
        SELECT slot || ' (pid ' || pid || ') ended at ' || t || ' s, ' || term_took_s
               || ' s after SIGTERM: ' || reason
        FROM ended WHERE cause IN ('leave', 'stop')
          AND (term_took_s > {TERM_S_MAX} OR reason NOT IN ('exit code 0', 'killed by SIGTERM')
               OR (ready AND reason <> 'exit code 0'))
        """,
    ),
    Invariant(
        "I14a",
        "open files return to what they were",
        f"""
        WITH lives AS (
            SELECT *, percent_rank() OVER (PARTITION BY pid ORDER BY t) AS age,
                   count(*) OVER (PARTITION BY pid) AS looks FROM vitals WHERE ready)
        SELECT slot || ' (pid ' || pid || ') had at most ' || first || ' files in the first half '
               || 'of its work, and ' || last || ' in the end'
        FROM (SELECT slot, pid, max(files) FILTER (WHERE age < 0.5) AS first,
                     min(files) FILTER (WHERE age > 0.9) AS last
              FROM lives WHERE looks >= {LOOKS_MIN} GROUP BY slot, pid)
        WHERE last > first + {FILES_GROWTH_MAX}
        """,
    ),
    Invariant(
        "I14b",
        "nobody is left connected",
        """
        SELECT name || ' = ' || value FROM facts
        WHERE name IN ('connections_left', 'members_left') AND value <> 0
        """,
    ),
    Invariant(
        "I15",
        "the run was not vacuous: accepted, killed, delivered again, looked at, alive in the end",
        """
        SELECT 'only ' || (SELECT count(*) FROM sent WHERE offset IS NOT NULL) || ' accepted'
        WHERE (SELECT count(*) FROM sent WHERE offset IS NOT NULL) < 1000
        UNION ALL
        SELECT 'only ' || count(*) || ' kills' FROM ended WHERE reason = 'killed by SIGKILL'
        HAVING count(*) < (SELECT value FROM facts WHERE name = 'kills_min')
        UNION ALL
        SELECT 'nothing was delivered twice'
        WHERE (SELECT count(*) FROM results)
              = (SELECT count(*) FROM (SELECT DISTINCT o_partition, o_offset FROM results))
        UNION ALL
        SELECT value || ' faults could not be healed' FROM facts
        WHERE name = 'unhealed' AND value <> 0
        UNION ALL
        SELECT 'not everybody was alive in the end' FROM facts
        WHERE name = 'alive' AND value <> 1
        UNION ALL
        SELECT 'offsets were seen only ' || count(DISTINCT t) || ' times' FROM offsets
        HAVING count(DISTINCT t) < 10
        UNION ALL
        SELECT 'nobody noted ' || column1 FROM (VALUES ('left_unfinished'), ('unique_index'),
            ('kills_min'), ('answered_min'), ('alive'), ('connections_left'), ('members_left'), ('audit'))
        WHERE column1 NOT IN (SELECT name FROM facts WHERE value IS NOT NULL)
        UNION ALL
        SELECT 'an LLM answered only ' || count(DISTINCT o_partition || '/' || o_offset)
        FROM results WHERE content LIKE '%"method":"hybrid"%'
        HAVING count(DISTINCT o_partition || '/' || o_offset) < (
            SELECT value FROM facts WHERE name = 'answered_min')
        UNION ALL
        SELECT 'nobody looked at ' || column1
        FROM (VALUES ('rule-agent'), ('llm-agent'), ('postgres-sink'))
        WHERE NOT EXISTS (SELECT 1 FROM vitals WHERE slot LIKE column1 || '/%')
        UNION ALL
        SELECT 'no recovery was measured' WHERE NOT EXISTS (SELECT 1 FROM recoveries)
        """,
    ),
    Invariant(
        "I16",
        f"what was planned struck: {LATE_PERCENT_MAX} % may come too late; in CI, no fault is missing but for rights",
        f"""
        SELECT 'left out: ' || each.value
        FROM facts AS told, json_each(told.value) AS each
        WHERE told.name = 'skipped'
          AND (SELECT value FROM facts WHERE name = 'all_must_strike') = 1
          AND instr(each.value, '{NO_RIGHT_TO_MOUNT}') = 0
        UNION ALL
        SELECT 'too late: ' || each.value
        FROM facts AS told, json_each(told.value) AS each
        WHERE told.name = 'late' AND 100 * json_array_length(told.value)
              > {LATE_PERCENT_MAX} * (SELECT value FROM facts WHERE name = 'planned')
        UNION ALL
        SELECT 'nobody noted ' || column1
        FROM (VALUES ('skipped'), ('late'), ('planned'), ('all_must_strike'))
        WHERE column1 NOT IN (SELECT name FROM facts WHERE value IS NOT NULL)
        """,
    ),
    Invariant(
        "audit",
        "`judgify audit` is clean",
        "SELECT 'it ended with code ' || value FROM facts WHERE name = 'audit' AND value <> 0",
    ),
)
