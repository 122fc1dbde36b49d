"""The disk under a local stack, for those who must not fill it: Kafka's and PostgreSQL's data."""

from pathlib import Path

from judgify.stack.state import load_running_state
from runtime.disk import DiskFloor
from runtime.settings import Settings


def find_kafka_disk(settings: Settings) -> DiskFloor:
    """Return the disk of Kafka's data; one without directories when Kafka is not our own."""
    address = settings.kafka_bootstrap_servers
    return _find(settings, "kafka", "kafka_bootstrap_servers", address)


def find_postgres_disk(settings: Settings) -> DiskFloor:
    """Return the disk of PostgreSQL's data; one without directories when it is not our own."""
    url = settings.database_url
    address = None if url is None else url.get_secret_value()
    return _find(settings, "postgres", "database_url", address)


def _find(settings: Settings, service: str, name: str, address: str | None) -> DiskFloor:
    """Return the disk of `service`, if the stack runs one and `address` is that one's."""
    data_dir = settings.data_dir.expanduser().absolute()
    state = load_running_state(data_dir)
    # A stack notes the addresses of services that are not its own, too.
    is_ours = state is not None and service in state.processes and getattr(state, name) == address
    paths: tuple[Path, ...] = (data_dir,) if is_ours else ()
    return DiskFloor(paths, settings.disk_free_min_mb)
