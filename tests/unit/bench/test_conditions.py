from pathlib import Path

import psutil

from bench.conditions import describe_noise, find_cpu_model, find_kafka_version
from bench.cores import find_broker
from bench.track import make_load


def test_runs_beside_which_others_worked_are_called_noise() -> None:
    assert describe_noise([0.02, 0.5, 0.03])["noisy"] is False
    assert describe_noise([0.2, 0.5, 0.03])["noisy"] is True
    assert describe_noise([])["noisy"] is False


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
