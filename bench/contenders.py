"""Who runs: how each contender is started, what it reads, and where it says how far it is."""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Final

from bench.track import Track

OURS: Final = "rule-agent"
LINGER_MS: Final = 5
"""librdkafka's default: good for throughput."""


@dataclass(frozen=True, slots=True)
class Contender:
    """What is measured."""

    name: str
    module: str | None = None
    """Its module; None for rule-agent itself."""
    environment: str | None = None
    """The environment of its own that it runs in; None for ours."""
    few: bool = False
    """Too slow for the whole load: it gets a shorter one."""
    linger_ms: int = LINGER_MS
    keeps_positions_itself: bool = False
    """It commits to a store of its own and nothing to Kafka."""

    def requests_topic(self, track: Track) -> str:
        return track.requests_few if self.few else track.requests

    def group(self, track: Track, run: str) -> str:
        """Return its consumer group; ours is named by the topic prefix alone."""
        return f"{track.prefix}rule-agent" if self.module is None else f"{track.prefix}{run}"

    def command(self, python: Path, track: Track, group: str, state: Path) -> Sequence[str]:
        """Return what starts it; `state` is a directory for what it keeps."""
        if self.module is None:
            return [str(python), "-m", "judgify", "run", "rule-agent", "--port", "0"]
        places = {
            "bootstrap": track.bootstrap,
            "group": group,
            "requests": self.requests_topic(track),
            "results": track.results,
            "dead-letters": track.dead_letters,
            "workflow": str(track.workflow),
            "engine": version("judgify"),
            "state": str(state),
            "linger-ms": str(self.linger_ms),
        }
        arguments = [part for name, value in places.items() for part in (f"--{name}", value)]
        return [str(python), "-m", self.module, *arguments]


RULE_AGENT: Final = Contender(OURS)
CONFLUENT_LOOP: Final = Contender("confluent-loop", "bench.peers.confluent_loop")
AIOKAFKA_LOOP: Final = Contender("aiokafka-loop", "bench.peers.aiokafka_loop")
PLAIN_FAUST: Final = Contender("plain-faust", "bench.peers.plain_faust", few=True)
QUIX_STREAMS: Final = Contender(
    "quix-streams", "bench.peers.quix_streams", environment="quix-streams"
)
BYTEWAX: Final = Contender(
    "bytewax", "bench.peers.bytewax_flow", environment="bytewax", keeps_positions_itself=True
)
CONFLUENT_LOOP_EAGER: Final = Contender(
    "confluent-loop-linger-0", "bench.peers.confluent_loop", linger_ms=0
)
"""The loop as it is quickest for a single request; slower for many."""
CONTENDERS: Final = (RULE_AGENT, CONFLUENT_LOOP, AIOKAFKA_LOOP, PLAIN_FAUST, QUIX_STREAMS, BYTEWAX)
