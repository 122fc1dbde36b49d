"""Faust's settings are in force as the seam needs them, whatever the environment says."""

import tempfile
from pathlib import Path

import pytest

from schemas.errors import FatalError
from stream import app as app_module
from stream.app import PARTITION_FETCH_BYTES, make_app


def test_the_settings_that_keep_records_are_in_force() -> None:
    app = make_app("judgify.u", "h1:9092, h2:9092")

    conf = app.conf
    assert conf.id == "judgify.u"
    assert [url.host for url in conf.broker] == ["h1", "h2"]
    assert conf.web_enabled is False
    assert conf.consumer_auto_offset_reset == "earliest"
    assert conf.consumer_max_fetch_size == PARTITION_FETCH_BYTES > 2_097_152
    assert conf.producer_acks == -1
    assert Path(tempfile.gettempdir()) in Path(conf.datadir).parents


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("producer_acks", "1"),
        ("topic_allow_declare", "1"),
        ("consumer_auto_offset_reset", "latest"),
        ("broker_max_poll_records", "1"),
    ],
)
def test_a_setting_that_the_environment_changes_is_refused_by_name(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    """Faust prefers an environment variable to what the program says."""
    monkeypatch.setenv(name.upper(), value)

    with pytest.raises(FatalError, match=f"{name} is "):
        make_app("judgify.u", "h:9092")


def test_a_group_that_faust_renamed_is_refused() -> None:
    with pytest.raises(FatalError, match=r"id is 'judgify\.u'"):
        app_module._assert_in_force(make_app("judgify.u", "h:9092"), "judgify.v")


def test_a_flag_is_not_mistaken_for_a_number() -> None:
    assert app_module._spellings(True) == {"True"}
    assert app_module._spellings(10) == {"10", "10.0"}
