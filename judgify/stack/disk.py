"""The disk under a local stack, for those who must not fill it: Kafka's and PostgreSQL's data."""

from pathlib import Path

from judgify.stack.state import load_running_state
from runtime.disk import DiskFloor
from runtime.settings import Settings


def find_kafka_disk(settings: Settings) -> DiskFloor:
    """Return the disk of Kafka's data; one without directories when Kafka is not our own."""
    return _find(settings, "kafka_bootstrap_servers", settings.kafka_bootstrap_servers)


def find_postgres_disk(settings: Settings) -> DiskFloor:
    """Return the disk of PostgreSQL's data; one without directories when it is not our own."""
    url = settings.database_url
    return _find(settings, "database_url", None if url is None else url.get_secret_value())


def _find(settings: Settings, name: str, address: str | None) -> DiskFloor:
    data_dir = settings.data_dir.expanduser().absolute()
    state = load_running_state(data_dir)
    ours = state is not None and address is not None and getattr(state, name) == address
    paths: tuple[Path, ...] = (data_dir,) if ours else ()
    return DiskFloor(paths, settings.disk_free_min_mb)
