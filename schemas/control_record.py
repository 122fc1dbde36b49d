"""A control record: one switch that an operator flipped, for every process to obey."""

from typing import Any

from pydantic import Field

from schemas.model import Message


class ControlRecord(Message):
    """Value on `control.v1`; the key is the switch's name, or `skip/{topic}/{partition}/{offset}`.

    A tombstone (null value) removes the switch: file and environment decide again.
    """

    name: str = Field(max_length=256)
    """The switch, as in the key."""
    value: Any
    """Its new value: true or false, a word, or a list of words, by the switch."""
    author: str = Field(max_length=128)
    """Who flipped it."""
    note: str = Field(default="", max_length=1_024)
    """Why, in the author's words."""
