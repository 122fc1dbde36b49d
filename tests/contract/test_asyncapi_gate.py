"""The gate that holds the document to AsyncAPI's own schema, shown what must not pass."""

import io
import tarfile

import pytest

from infra.scripts import asyncapi_gate


def package_with(content: bytes) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        member = tarfile.TarInfo(asyncapi_gate.MEMBER)
        member.size = len(content)
        archive.addfile(member, io.BytesIO(content))
    return packed.getvalue()


def test_what_breaks_the_schema_is_named_with_its_place() -> None:
    schema = {
        "properties": {"channels": {"additionalProperties": {"required": ["address"]}}},
    }

    (problem,) = asyncapi_gate.find_problems({"channels": {"requests.v1": {}}}, schema)

    assert problem.startswith("channels/requests.v1: ")
    assert "address" in problem


def test_a_package_other_than_the_one_we_know_is_refused() -> None:
    with pytest.raises(ValueError, match="expected A3WBLq"):
        asyncapi_gate.unpack(package_with(b"{}"))


@pytest.mark.parametrize(("ci", "code"), [("", 0), ("1", 1)])
def test_a_schema_that_cannot_be_had_fails_where_ci_is_set(
    ci: str, code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse() -> dict[str, object]:
        raise asyncapi_gate.Unavailable("there is no npm")

    monkeypatch.setattr(asyncapi_gate, "load_schema", refuse)
    monkeypatch.setenv("CI", ci)

    assert asyncapi_gate.main() == code
    assert "there is no npm" in capsys.readouterr().out
