"""Builders of small programs, so that a test names only what it is about."""

from collections.abc import Mapping, Sequence
from typing import Any

from rules.findings import Findings
from rules.language.check import check_expression
from rules.language.scope import Scope
from rules.program import FieldSpec, FieldType, Otherwise, Program, RuleSpec


def field(name: str, of: FieldType = "number", **more: Any) -> FieldSpec:
    """Return a field whose value is the member of the same name."""
    return FieldSpec(name, of, **{"path": (name,), **more})


def scope(fields: Sequence[FieldSpec], constants: Mapping[str, Any] | None = None) -> Scope:
    return Scope({each.name: each for each in fields}, constants or {})


def program(
    fields: Sequence[FieldSpec],
    rules: Sequence[tuple[str, str] | tuple[str, str, float]],
    *,
    constants: Mapping[str, Any] | None = None,
    derive: Mapping[str, str] | None = None,
    otherwise: str | tuple[str, float] | None = "ok",
    verdicts: tuple[str, ...] = ("ok", "fail"),
    min_confidence: float = 0.7,
) -> Program:
    """Return a program of rules (condition, verdict, confidence); their ids are R0, R1, …."""
    names = scope(fields, constants)
    for name, text in (derive or {}).items():
        names = names.with_derived(name, check_expression(text, names))
    specs = []
    for index, (text, verdict, *confidence) in enumerate(rules):
        when = check_expression(text, names, "boolean")
        sure = confidence[0] if confidence else 1.0
        specs.append(RuleSpec(f"R{index}", when, verdict, sure, f"because {index}"))
    last = (otherwise, 1.0) if isinstance(otherwise, str) else otherwise
    return Program(
        fields=tuple(fields),
        rules=tuple(specs),
        verdicts=verdicts,
        otherwise=Otherwise(*last) if last else None,
        constants=constants or {},
        derive=tuple(names.derived.items()),
        min_confidence=min_confidence,
    )


MILLING_FIELDS = (
    FieldSpec("machine", "string", ("Product ID",)),
    FieldSpec("type", "string", ("Type",), one_of=("L", "M", "H"), required=True),
    FieldSpec("air_k", "number", ("Air temperature [K]",), "K", (200, 400)),
    FieldSpec("process_k", "number", ("Process temperature [K]",), "K", (200, 500)),
    FieldSpec("rpm", "number", ("Rotational speed [rpm]",), "1/min"),
    FieldSpec("torque_nm", "number", ("Torque [Nm]",), "Nm"),
    FieldSpec("wear_min", "number", ("Tool wear [min]",), "min"),
)


def milling() -> Program:
    """Return the milling workflow of the documentation, its rules called R0 to R3."""
    return program(
        MILLING_FIELDS,
        [
            ("process_k - air_k < 8.6 and rpm < 1380", "fail", 0.99),
            ("power_w < 3500 or power_w > 9000", "fail", 0.99),
            ("wear_min * torque_nm > overstrain_limit[type]", "fail", 0.99),
            ("wear_min >= 200", "undetermined"),
        ],
        constants={"overstrain_limit": {"L": 11000, "M": 12000, "H": 13000}},
        derive={"power_w": "torque_nm * rpm * 2 * pi / 60"},
        otherwise=("ok", 0.95),
    )


def holds(text: str, fields: Sequence[FieldSpec], find: Any, values: Mapping[str, Any]) -> Any:
    """Return True, False or None (UNKNOWN) for one condition, asked through `find(program)`."""
    one = program(fields, [(text, "yes")], otherwise="no", verdicts=("yes", "no"))
    findings: Findings = find(one)(values)
    return {("yes",): True, ("no",): False, ("yes", "no"): None}[findings.possible]
