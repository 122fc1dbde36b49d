"""What a call costs: a table of prices per model, ours or the operator's.

Money is counted in whole nano-dollars (a token at one dollar per million costs 1,000), so that a
million small calls add up exactly. Only what leaves us is a float of dollars.
"""

import re
from decimal import Decimal, InvalidOperation
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Final

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from runtime.logs import get_logger
from schemas.errors import FatalError

NANO_PER_USD: Final = 1_000_000_000
NANO_PER_TOKEN: Final = 1_000
"""Of a token that costs a dollar per million."""
PRICE_USD_MAX: Final = 10_000
"""Per million tokens: more is a typing error."""
TOKENS_MAX: Final = 10_000_000
"""A count beyond it is taken for this many: no call has more."""
FILE_BYTES_MAX: Final = 1_048_576
MODELS_MAX: Final = 10_000
WARNINGS_MAX: Final = 100
"""Unknown models that are warned of, once each."""
_DATED: Final = re.compile(r"-(\d{4}-\d{2}-\d{2}|\d{8})$")

_log = get_logger(__name__)


def _exact(value: Any) -> Any:
    """Return a number of YAML as the decimal that was written, and not as its nearest float."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise ValueError("Input should be a number")  # noqa: TRY004 -- pydantic reads ValueErrors
    try:
        return Decimal(str(value))
    except InvalidOperation as error:
        raise ValueError("Input should be a number") from error


Usd = Annotated[
    Decimal,
    BeforeValidator(_exact),
    Field(ge=0, le=PRICE_USD_MAX, decimal_places=3, allow_inf_nan=False),
]


class Price(BaseModel):
    """What a model costs, in US dollars per million tokens."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    tokens_in: Usd = Field(alias="in")
    tokens_out: Usd = Field(alias="out")


class _Table(BaseModel):
    """A file of prices."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    default: Price | None = None
    models: dict[Annotated[str, Field(min_length=1, max_length=256)], Price] = Field(
        default_factory=dict, max_length=MODELS_MAX
    )


class Prices:
    """The price of every model; an unknown one has the default price, and is warned of once."""

    def __init__(self, default: Price, models: dict[str, Price]) -> None:
        self._default = default
        self._models = models
        self._warned: set[str] = set()

    def cost_nano_usd(self, model: str, tokens_in: int, tokens_out: int) -> int:
        """Return what a call costs; a count below 0 is 0: no answer of an endpoint refunds us."""
        price = self._price(model)
        nano = NANO_PER_TOKEN * (
            price.tokens_in * _count(tokens_in) + price.tokens_out * _count(tokens_out)
        )
        return int(nano)  # whole: a price has at most three decimals

    def _price(self, model: str) -> Price:
        price = self._models.get(model) or self._models.get(_DATED.sub("", model))
        if price is not None:
            return price
        if model not in self._warned and len(self._warned) < WARNINGS_MAX:
            self._warned.add(model)
            _log.warning(
                "llm_price_unknown",
                model=model[:256],
                usd_per_million_in=float(self._default.tokens_in),
                usd_per_million_out=float(self._default.tokens_out),
                advice="name the model in a file and the file in JUDGIFY_LLM_PRICES",
            )
        return self._default


def load_prices(overrides: Path | None = None) -> Prices:
    """Return our prices, and above them those of the file `overrides`.

    Raises:
        FatalError: the file cannot be read, or holds something else; the message says where.
    """
    ours = _parse((files("agents.llm") / "prices.yaml").read_bytes(), "prices.yaml")
    theirs = _Table() if overrides is None else _parse(_load(overrides), str(overrides))
    default = theirs.default or ours.default
    if default is None:
        raise FatalError("prices.yaml: has no default price")
    return Prices(default, {**ours.models, **theirs.models})


def nano_of_usd(amount_usd: float) -> int:
    """Return a limit that people wrote in dollars, in nano-dollars, rounded down."""
    return int(Decimal(str(amount_usd)) * NANO_PER_USD)


def usd_of_nano(nano_usd: int) -> float:
    """Return nano-dollars as people and judgments see them."""
    return nano_usd / NANO_PER_USD


def _count(tokens: int) -> int:
    return max(0, min(tokens, TOKENS_MAX))


def _load(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            raw = file.read(FILE_BYTES_MAX + 1)
    except OSError as error:
        told = error.strerror or type(error).__name__
        raise FatalError(f"JUDGIFY_LLM_PRICES: {path} cannot be read: {told}") from error
    if len(raw) > FILE_BYTES_MAX:
        raise FatalError(f"JUDGIFY_LLM_PRICES: {path} has over {FILE_BYTES_MAX:,} bytes")
    return raw


def _parse(raw: bytes, name: str) -> _Table:
    try:
        content = YAML(typ="safe", pure=True).load(raw.decode("utf-8"))
    except (YAMLError, UnicodeDecodeError, RecursionError, ValueError) as error:
        told = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise FatalError(f"{name}: is no YAML: {told}") from error
    try:
        return _Table.model_validate({} if content is None else content)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "the file"
        told = first["msg"].removeprefix("Value error, ").removeprefix("Input ")
        form = "write `models: {NAME: {in: USD, out: USD}}`, dollars per million tokens"
        raise FatalError(f"{name}: {where} {told}: {form}") from error
