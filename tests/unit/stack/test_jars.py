"""Jars: checked before they enter the cache, so that no interruption leaves a broken one."""

import hashlib
from pathlib import Path

import pytest

from judgify.stack.jars import Jar, fetch_jars, load_jar_list
from schemas.errors import DependencyError, FatalError

CONTENT = {"a-1.jar": b"aaa", "b-2.jar": b"bbbb"}


def make_jar(name: str) -> Jar:
    artifact, _, rest = name.partition("-")
    content = CONTENT[name]
    digest = hashlib.sha256(content).hexdigest()
    return Jar("org", artifact, rest.removesuffix(".jar"), digest, len(content))


JARS = [make_jar(name) for name in CONTENT]


class Server:
    """Serves jars; may serve other bytes, or fail after half of them."""

    def __init__(self, served: dict[str, bytes], broken: frozenset[str] = frozenset()) -> None:
        self.served = served
        self.broken = broken
        self.asked: list[str] = []

    def __call__(self, jar: Jar, staging: Path) -> Path:
        self.asked.append(jar.file_name)
        path = staging / jar.group / jar.file_name
        path.parent.mkdir(exist_ok=True)
        content = self.served[jar.file_name]
        if jar.file_name in self.broken:
            path.write_bytes(content[: len(content) // 2])
            message = "connection reset"
            raise OSError(message)
        path.write_bytes(content)
        return path


def quiet(done: int, total: int) -> None:
    del done, total


def files(cache: Path) -> set[str]:
    return {path.name for path in cache.iterdir() if path.name != ".lock"}


def test_the_list_names_every_jar_once_with_its_digest() -> None:
    jars = load_jar_list()

    assert len({jar.file_name for jar in jars}) == len(jars) == 46
    assert all(len(jar.sha256) == 64 and jar.size_bytes > 0 for jar in jars)
    assert "kafka_2.13-4.3.1.jar" in {jar.file_name for jar in jars}


def test_a_fetch_fills_the_cache_and_tells_how_far_it_is(tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []

    paths = fetch_jars(tmp_path / "c", JARS, lambda *bytes_: seen.append(bytes_), Server(CONTENT))

    assert [path.read_bytes() for path in paths] == list(CONTENT.values())
    assert files(tmp_path / "c") == set(CONTENT)
    assert seen[0] == (0, 7)
    assert seen[-1] == (7, 7)


def test_a_warm_cache_needs_no_network(tmp_path: Path) -> None:
    fetch_jars(tmp_path, JARS, quiet, Server(CONTENT))
    offline = Server({})

    paths = fetch_jars(tmp_path, JARS, quiet, offline)

    assert [path.name for path in paths] == list(CONTENT)
    assert offline.asked == []


def test_a_cold_cache_without_network_says_what_to_do(tmp_path: Path) -> None:
    offline = Server(CONTENT, broken=frozenset(CONTENT))

    with pytest.raises(DependencyError) as caught:
        fetch_jars(tmp_path, JARS, quiet, offline)

    assert "needs a network" in str(caught.value)
    assert str(tmp_path) in str(caught.value)
    assert "KAFKA_BOOTSTRAP_SERVERS" in str(caught.value)


def test_an_interrupted_fetch_keeps_what_arrived_and_nothing_else(tmp_path: Path) -> None:
    with pytest.raises(DependencyError):
        fetch_jars(tmp_path, JARS, quiet, Server(CONTENT, broken=frozenset({"b-2.jar"})))
    assert files(tmp_path) <= {"a-1.jar"}

    again = Server(CONTENT)
    fetch_jars(tmp_path, JARS, quiet, again)

    assert files(tmp_path) == set(CONTENT)


@pytest.mark.parametrize("served", [b"bbbX", b"bbb", b""])
def test_a_jar_that_is_not_what_the_list_says_never_enters(tmp_path: Path, served: bytes) -> None:
    with pytest.raises(DependencyError, match=r"b-2\.jar is not what the list says"):
        fetch_jars(tmp_path, JARS, quiet, Server(CONTENT | {"b-2.jar": served}))

    assert "b-2.jar" not in files(tmp_path)


@pytest.mark.parametrize("damage", [b"", b"aa", b"aaX"])
def test_a_damaged_entry_is_fetched_again(tmp_path: Path, damage: bytes) -> None:
    fetch_jars(tmp_path, JARS, quiet, Server(CONTENT))
    (tmp_path / "a-1.jar").write_bytes(damage)
    server = Server(CONTENT)

    paths = fetch_jars(tmp_path, JARS, quiet, server)

    assert server.asked == ["a-1.jar"]
    assert paths[0].read_bytes() == b"aaa"


def test_what_a_killed_fetch_left_is_removed_by_the_next(tmp_path: Path) -> None:
    left = tmp_path / ".fetch-dead" / "half.jar"
    left.parent.mkdir()
    left.write_bytes(b"half")

    fetch_jars(tmp_path, JARS, quiet, Server(CONTENT))

    assert not left.parent.exists()


def test_a_listener_that_raises_ends_the_fetch(tmp_path: Path) -> None:
    def stop(done: int, total: int) -> None:
        raise InterruptedError

    with pytest.raises(InterruptedError):
        fetch_jars(tmp_path, JARS, stop, Server(CONTENT))

    assert files(tmp_path) == set()


def test_a_cache_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(FatalError, match="cannot be written"):
        fetch_jars(tmp_path / "file" / "cache", JARS, quiet, Server(CONTENT))
