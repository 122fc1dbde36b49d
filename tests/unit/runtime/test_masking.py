"""What the masker must hide, what it must leave, and what it may cost."""

import base64
import json
import time
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.mask_patterns import DETECTORS
from runtime.masking import MASK, TEXT_CHARS_MAX, is_sensitive_key, mask

SECRET = "Hunter2Swordfish"
KEYS = (
    "password", "passwd", "pwd", "secret", "token", "api_key", "api-key", "apikey",
    "JWT_SECRET_KEY", "POSTGRES_PASSWORD", "client_secret", "authorization", "cookie",
    "set-cookie", "jumin", "rrn", "주민등록번호", "비밀번호",
)  # fmt: skip
SHAPES = (
    "{key}={secret}", "{key}: {secret}", "{key} = {secret}", '{key} = "{secret}"',
    "{key}='{secret}'", '{{"{key}": "{secret}"}}', "{{'{key}': b'{secret}'}}",
    "('{key}', b'{secret}')", "{key}=>{secret}", "{key}%3D{secret}", "%22{key}%22%3A%22{secret}%22",
    "https://h/p?{key}={secret}&next=1", '{{"{key}": ["{secret}"]}}', '{{"{key}": {{"v": "{secret}"}}}}',
    '{key} = "first {secret} last"', '{key}: "line one\n{secret}"', '{key}: "unclosed {secret}',
)  # fmt: skip
secrets = st.text(
    st.sampled_from("abcdefghijkmnpqrstuvwxyzABCDEFGH23456789!$*._-"), min_size=12, max_size=40
).filter(lambda text: not text.startswith("*"))


@given(key=st.sampled_from(KEYS), shape=st.sampled_from(SHAPES), secret=secrets)
def test_a_secret_behind_its_key_never_survives(key: str, shape: str, secret: str) -> None:
    text = shape.format(key=key, secret=secret)

    assert secret not in mask(f"before {text} after")


@given(key=st.sampled_from(KEYS), secret=secrets, depth=st.integers(1, 4))
def test_a_secret_in_json_in_json_never_survives(key: str, secret: str, depth: int) -> None:
    text = json.dumps({key: secret}, ensure_ascii=depth % 2 == 0)
    for _ in range(depth):
        text = json.dumps({"payload": text}, ensure_ascii=depth % 2 == 0)

    assert secret not in mask(text)


@given(text=st.text(max_size=400))
def test_masking_twice_changes_nothing_more(text: str) -> None:
    once = mask(f"password={text}")

    assert mask(once) == once


@pytest.mark.parametrize(
    "text",
    [
        f"ｐａｓｓｗｏｒｄ＝{SECRET}",
        f"pass\u00adword={SECRET}",
        f"pass\u200bword={SECRET}",
        f"PASSWORD={SECRET}",
        f"비밀번호: {SECRET}",
        f"\u1107\u1175\u1106\u1175\u11af\u1107\u1165\u11ab\u1112\u1169: {SECRET}",
        f"{quote('비밀번호')}={SECRET}",
        f"{'비밀번호'.encode()!r}: {SECRET}",
        base64.b64encode(f"password={SECRET}".encode()).decode(),
        base64.urlsafe_b64encode(f'{{"token":"{SECRET}"}}'.encode()).decode().rstrip("="),
        f"password={SECRET}".encode().hex(),
        repr(f"password={SECRET}".encode()),
        f"Bearer {SECRET}",
        f"basic {base64.b64encode(f'u:{SECRET}'.encode()).decode()}",
        f"postgresql://judgify:{SECRET}@db:5432/judgify",
        f"postgresql://judgify:p@ss/{SECRET}@db:5432/judgify",
        f"redis://:{SECRET}@127.0.0.1:6379/0",
        f"Cookie: a=1; session={SECRET}",
        f"-----BEGIN RSA PRIVATE KEY-----\n{SECRET}\n-----END RSA PRIVATE KEY-----",
        f"https://hooks.slack.com/services/T0/B0/{SECRET}",
        f"sk-proj-{SECRET}0123",
        f"valkey-server --port 7000 --requirepass {SECRET} --save ''",
        f"valkey-server --requirepass '{SECRET} two' --masterauth {SECRET}",
        f"requirepass {SECRET}",
        f"CONFIG SET masterauth {SECRET}",
        f"redis-cli --pass {SECRET} ping",
        f"['valkey-server', '--requirepass', '{SECRET}']",
        f"('--pass', b'{SECRET}')",
        f"tool --db-password {SECRET}",
        f"tool --api-key\t{SECRET}",
        f"tool --openai_api_key {SECRET}",
        f"tool -token {SECRET}",
        f"tool --auth={SECRET}",
        f"tool --password -{SECRET}",
        f"tool --password <{SECRET}",
        f"tool --password [{SECRET}",
        f"tool --password --9{SECRET}",
        f"TOOL --PASSWORD {SECRET}",
    ],
)
def test_a_disguised_secret_never_survives(text: str) -> None:
    masked = mask(text)

    assert SECRET not in masked
    assert MASK in masked
    for encoded in (SECRET.encode().hex(), base64.b64encode(SECRET.encode()).decode()[:12]):
        assert encoded not in masked


@pytest.mark.parametrize(
    "text",
    [
        "900101-1234567", "900101 2234567", "9001015234567", "９００１０１-１２３４５６７",
        "010-1234-5678", "01012345678", "+82 10-1234-5678", "+821012345678", "02-123-4567",
        "031) 123 4567".replace(" ", "", 1), "4111111111111111", "4111 1111 1111 1111", "5500-0000-0000-0004",
        "378282246310005", "kim@example.co.kr", "M12345678", "11-22-333333-44",
        "AKIAIOSFODNN7EXAMPLE", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln",
    ],
)  # fmt: skip
def test_personal_data_and_vendor_keys_never_survive(text: str) -> None:
    assert mask(f"saw {text} here") == f"saw {MASK} here"


@pytest.mark.parametrize(
    "text",
    [
        "order_id=9001011234567",
        '{"requestId": "4111111111111111"}',
        "record judgify.requests.v1/3/18822/1801011234567 was buried",
        "at 1763735123456 ms",
        "tokens_in=512 tokens_out=64",
        "0.4111111111111111 is a fraction",
        "connection refused 127.0.0.1:15432",
        "a1cf28d5-4d3d-5e08-b56a-1711f70b4277",
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "Basic authentication is off",
        "a secretary: Kim; tokenizer: fast",
        "judgify.dead-letters.v1 partition 3 offset 18822",
        "passwd:'' user=bob",
        "tool --no-password --verbose",
        "tool --password-file /run/key --port 7000",
        "tool --pass-through on --author kim --tokens-max 512",
        "a by-pass valve opened",
        "--passed 12 --authority x",
        "process_k - air_k < 8.6 and rpm < 1380",
        "M14860",
        "기계 고장: 공구 마모",
    ],
)
def test_what_is_no_secret_survives(text: str) -> None:
    assert mask(text) == text


def test_a_url_keeps_its_host() -> None:
    masked = mask("cannot reach postgresql://judgify:hunter2@db.example.com:5432/judgify")

    assert masked == "cannot reach postgresql://***@db.example.com:5432/judgify"


@pytest.mark.parametrize("key", [*KEYS, "Ｐａｓｓｗｏｒｄ", "X-Api-Key", "Proxy-Authorization"])
def test_a_key_that_names_a_secret_is_known(key: str) -> None:
    assert is_sensitive_key(key)


@pytest.mark.parametrize("key", ["workflow_id", "tokens_in", "event", "keyboard", "partition"])
def test_an_ordinary_key_is_not_sensitive(key: str) -> None:
    assert not is_sensitive_key(key)


HOSTILE = (
    "password", "password ", 'password="', "eyJ", "://a:b", "://", "a@", "@", "1 ", "4-", "{", "0",
    "-----BEGIN KEY-----", "secret=[", "\\", '\\"', "password\\\\", "Bearer ", "bearer a", "A", "비", "authorization:\n",
    "-", "--pass", "--pass ", "--a-", "-a_pass ", "requirepass ", "--token -", "'--pass', ",
    "%22", "token%25", "010-", "a.", "aa/", "/1/1/", "password:b",
)  # fmt: skip


@pytest.mark.parametrize("unit", HOSTILE)
def test_hostile_text_costs_one_pass(unit: str) -> None:
    small = _best_time_s(_hostile(unit, TEXT_CHARS_MAX // 8))
    large = _best_time_s(_hostile(unit, TEXT_CHARS_MAX))

    assert large < max(small, 0.01) * 8 * 3, (small, large)


def _hostile(unit: str, length: int) -> str:
    """Return `unit` over and over, ending in what makes every detector look."""
    hints = "".join(hint for hint, _ in DETECTORS if hint) + "@"
    return (unit * length)[: length - len(hints)] + hints


def _best_time_s(text: str) -> float:
    times = []
    for _ in range(3):
        start = time.thread_time()
        mask(text)
        times.append(time.thread_time() - start)
    return min(times)


def test_a_long_text_is_cut_and_says_so() -> None:
    masked = mask("x " * TEXT_CHARS_MAX)

    assert len(masked) < TEXT_CHARS_MAX + 100
    assert masked.endswith(f"[{TEXT_CHARS_MAX:,} characters cut]")
