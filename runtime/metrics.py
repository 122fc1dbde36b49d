"""Every metric that a process may export: one list, so that names and labels cannot drift.

Bind label children at start (`DEAD_LETTERS_TOTAL.labels(...)`): a lookup costs more than the count.
Label values are bounded: an unknown workflow counts as `other`.
"""

from typing import Final

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
)

from runtime.bulk_histogram import BulkHistogram

disable_created_metrics()  # type: ignore[no-untyped-call]  # it has no stub

REGISTRY: Final = CollectorRegistry()
OTHER: Final = "other"
"""Label value for names that outsiders choose."""

JUDGMENT_REQUESTS_TOTAL = Counter(
    "judgment_requests_total",
    "Outcomes, once each; result is the verdict, or the status when not decided.",
    ["method", "result", "workflow_id"],
    registry=REGISTRY,
)
JUDGMENT_DURATION_SECONDS = BulkHistogram(
    "judgment_duration_seconds",
    "Broker time of the request to its result, queueing included, in seconds.",
    ["method"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 3, 5, 10, 30, 60, 300),
    registry=REGISTRY,
)
JUDGMENT_CONFIDENCE_SCORE = Gauge(
    "judgment_confidence_score",
    "Moving mean of the confidence of decided judgments, for looking at.",
    ["workflow_id"],
    registry=REGISTRY,
)
JUDGMENT_CONFIDENCE = BulkHistogram(
    "judgment_confidence",
    "Confidence of decided judgments.",
    buckets=(0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99, 1.0),
    registry=REGISTRY,
)
JUDGMENT_QUEUE_LENGTH = Gauge(
    "judgment_queue_length",
    "Requests not finished: end of log minus first unfinished.",
    registry=REGISTRY,
)
CONSUMER_LAG_RECORDS = Gauge(
    "consumer_lag_records",
    "Records between the first unfinished and the end of the log.",
    ["group", "topic"],
    registry=REGISTRY,
)
OLDEST_UNFINISHED_SECONDS = Gauge(
    "oldest_unfinished_seconds",
    "Age of the oldest record handed out and not finished, by the broker's clock, in seconds.",
    ["group"],
    registry=REGISTRY,
)
REBALANCES_TOTAL = Counter(
    "rebalances_total", "Assignments received from the group.", registry=REGISTRY
)
RESTARTS_TOTAL = Counter(
    "restarts_total",
    "Starts of a process after an end that nobody asked for.",
    ["process", "reason"],
    registry=REGISTRY,
)
DEAD_LETTERS_TOTAL = Counter(
    "dead_letters_total", "Records buried.", ["agent", "reason"], registry=REGISTRY
)
DUPLICATES_DROPPED_TOTAL = Counter(
    "duplicates_dropped_total",
    "Later records of a stored judgment, and redeliveries, by stage.",
    ["stage"],
    registry=REGISTRY,
)
REQUEST_ID_CONFLICTS_TOTAL = Counter(
    "request_id_conflicts_total",
    "Requests that reuse an id with another input or verdict.",
    ["workflow_id"],
    registry=REGISTRY,
)
DEPENDENCY_UP = Gauge(
    "dependency_up", "1 while a dependency answers, else 0.", ["name"], registry=REGISTRY
)
RUNTIME_FLAG = Gauge("runtime_flag", "1 while a switch is on, else 0.", ["name"], registry=REGISTRY)
WORKFLOW_ACTIVE_INFO = Gauge(
    "workflow_active_info",
    "1 for the version of each workflow in force.",
    ["tenant", "workflow_id", "version"],
    registry=REGISTRY,
)
BUILD_INFO = Gauge("build_info", "1, labelled with our version.", ["version"], registry=REGISTRY)
DATABASE_CONNECTION_POOL_USAGE = Gauge(
    "database_connection_pool_usage",
    "Connections in use as a share of the pool's maximum, 0 to 1.",
    registry=REGISTRY,
)
LOG_EVENTS_DROPPED_TOTAL = Counter(
    "log_events_dropped_total",
    "Log lines that found their queue full: logging never waits.",
    registry=REGISTRY,
)
SECURITY_EVENTS_TOTAL = Counter(
    "security_events_total",
    "Things that only an attacker or a broken producer does.",
    ["kind"],
    registry=REGISTRY,
)
LLM_REQUESTS_TOTAL = Counter(
    "llm_requests_total",
    "Questions to the LLM by how they ended: answered, cached, or why nobody answered.",
    ["status"],
    registry=REGISTRY,
)
LLM_REQUEST_DURATION_SECONDS = Histogram(
    "llm_request_duration_seconds",
    "One call of the endpoint, its own retries included, in seconds.",
    buckets=(0.05, 0.1, 0.25, 0.5, 1, 2, 3, 5, 7.5, 10, 15, 30),
    registry=REGISTRY,
)
LLM_TOKENS_TOTAL = Counter(
    "llm_tokens_total", "Tokens of questions and answers.", ["direction"], registry=REGISTRY
)
LLM_COST_USD_TOTAL = Counter(
    "llm_cost_usd_total", "Price of the calls by our table, in US dollars.", registry=REGISTRY
)
LLM_CACHE_TOTAL = Counter(
    "llm_cache_total", "Looks into the cache of answers.", ["result"], registry=REGISTRY
)
LLM_CIRCUIT_STATE = Gauge(
    "llm_circuit_state",
    "The circuit breaker before the endpoint: 0 closed, 1 half open, 2 open.",
    registry=REGISTRY,
)
PROCESS_COLLECTOR: Final = ProcessCollector(registry=REGISTRY)
"""`process_*`: CPU seconds, memory, start time and open files of this process (Linux only)."""
