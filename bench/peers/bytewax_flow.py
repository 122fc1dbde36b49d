"""Bytewax as its documentation shows it: Kafka source, `flat_map_batch`, Kafka sink, recovery.

At least once: the sink flushes each batch, and twice a second an epoch ends, whose positions go
to the recovery store. Bytewax commits nothing to Kafka.
"""

from collections.abc import Iterator
from datetime import timedelta
from itertools import groupby

from bytewax import operators
from bytewax.connectors.kafka import KafkaSink, KafkaSinkMessage, KafkaSource, KafkaSourceMessage
from bytewax.dataflow import Dataflow
from bytewax.recovery import RecoveryConfig, init_db_dir
from bytewax.run import cli_main

from bench.peers.judging import (
    COMMIT_INTERVAL_S,
    POLL_RECORDS,
    Judge,
    Place,
    Record,
    read_place,
    tune_collector,
)


def make_flow(place: Place) -> Dataflow:
    """Return the dataflow."""
    judge = Judge(place).judge
    brokers = [place.bootstrap]
    source = KafkaSource(
        brokers,
        [place.requests],
        add_config={"check.crcs": "true"},
        batch_size=POLL_RECORDS,
    )
    sink = KafkaSink(
        brokers,
        None,
        add_config={
            "acks": "all",
            "enable.idempotence": "true",
            "linger.ms": str(place.linger_ms),
            "queue.buffering.max.messages": "1000000",
        },
    )

    def decide(messages: list[KafkaSourceMessage]) -> Iterator[KafkaSinkMessage]:
        for partition, group in groupby(messages, lambda message: message.partition):
            records = [
                Record(it.offset, it.timestamp[1], it.key, it.value, it.headers) for it in group
            ]
            for topic, key, value, headers in judge(partition, records):
                yield KafkaSinkMessage(key, value, topic=topic, headers=list(headers))

    flow = Dataflow("judge")
    messages = operators.input("requests", flow, source)
    outputs = operators.flat_map_batch("judge", messages, decide)
    operators.output("results", outputs, sink)
    return flow


def main() -> None:
    """Run until killed; a dataflow has no other end."""
    place = read_place()
    init_db_dir(place.state, 1)
    flow = make_flow(place)
    tune_collector()
    cli_main(
        flow,
        epoch_interval=timedelta(seconds=COMMIT_INTERVAL_S),
        recovery_config=RecoveryConfig(place.state),
    )


if __name__ == "__main__":
    main()
