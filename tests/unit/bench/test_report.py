from pathlib import Path
from typing import Any

import psutil

from bench.conditions import find_cpu_model, find_kafka_version
from bench.cores import find_broker
from bench.figures import Run
from bench.report import build_report, format_report, format_run
from bench.track import make_load


def make_run(contender: str, per_second: float, *, committed: bool = True) -> Run:
    return Run(contender, 0, 5_000, per_second, 12.5, 80.0, committed, 0.5)


def make_report(load: float = 0.3) -> dict[str, Any]:
    runs = [make_run("rule-agent", 60_000.0), make_run("confluent loop", 50_000.0)]
    conditions = {"load_average": [load, load, load], "cores": 2}
    return build_report(runs, conditions, {"rounds": 1}, {"rules": 1.25})


def test_the_report_puts_us_beside_every_peer_and_not_beside_ourselves() -> None:
    report = make_report()

    assert report["ratios"] == {"rule-agent / confluent loop": 1.2}
    assert list(report["contenders"]) == ["rule-agent", "confluent loop"]


def test_the_table_tells_rates_ratio_and_parts() -> None:
    table = format_report(make_report())

    assert "60,000" in table
    assert "1.20 x" in table
    assert "1.25  rules" in table


def test_figures_of_a_busy_machine_are_called_noise() -> None:
    assert "noise" not in format_report(make_report(load=0.9))
    assert "noise" in format_report(make_report(load=1.1))


def test_a_run_that_did_not_commit_says_so() -> None:
    assert "COMMITTED" not in format_run(make_run("plain Faust", 2_900.0))
    assert "NOT ALL COMMITTED" in format_run(make_run("plain Faust", 2_900.0, committed=False))


def test_the_load_knows_its_answers_and_no_two_requests_are_one() -> None:
    load = make_load(12_000)

    assert sum(load.known.values()) == 12_000
    assert len({value for _, value in load.requests}) == 12_000
    assert load.known["decided", "fail", "HDF"] > 0


def test_the_brokers_version_is_read_from_its_jars() -> None:
    assert find_kafka_version("java -cp a/kafka-clients-4.3.1.jar:b.jar") == "4.3.1"
    assert find_kafka_version("java -jar other.jar") is None


def test_the_processor_is_named_and_the_machine_is_not(tmp_path: Path) -> None:
    cpuinfo = tmp_path / "cpuinfo"
    cpuinfo.write_text("processor : 0\nmodel name\t: Some CPU\nmodel name\t: Other\n")

    assert find_cpu_model(cpuinfo) == "Some CPU"
    assert find_cpu_model(tmp_path / "absent")


def test_a_broker_on_another_machine_is_left_alone() -> None:
    assert find_broker("broker.example:9092") is None


def test_the_process_that_listens_is_found(unused_tcp_port_listener: int) -> None:
    found = find_broker(f"127.0.0.1:{unused_tcp_port_listener}")

    assert found == psutil.Process()
