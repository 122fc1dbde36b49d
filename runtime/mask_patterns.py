"""What secrets and personal data look like: patterns on folded text, each linear in its length.

Every unbounded repeat is possessive or ends at a fixed character, and cannot begin inside the run
that it matches, so that hostile text costs one pass.
"""

import re
import unicodedata
from typing import Final
from urllib.parse import quote

KOREAN_KEYS: Final = (
    "비밀번호",
    "비번",
    "주민등록번호",
    "주민번호",
    "주민",
    "계좌번호",
    "여권번호",
)


def _spellings(word: str) -> list[str]:
    """Return how a Korean word arrives: folded, JSON-escaped, percent-encoded, as bytes repr."""
    return [
        re.escape(unicodedata.normalize("NFKD", word)),
        r"\\" + r"\\{1,64}".join(f"u{ord(char):04x}" for char in word),
        re.escape(quote(word)),
        r"\\" + r"\\{1,64}".join(f"x{byte:02x}" for byte in word.encode()),
    ]


_KEYS: Final = "|".join((
    "passw(?:or)?d", "passphrase", "passwd", "pwd", "secret", r"token(?!s)", "api[_-]?key",
    "private[_-]?key", "access[_-]?key", "credential", "signature", "authorization", "cookie",
    "jumin", "rrn", "account[_-]?(?:number|no)", "card[_-]?(?:number|no)",
    *(spelling for word in KOREAN_KEYS for spelling in _spellings(word)),
))  # fmt: skip
_KEY: Final = rf"(?:{_KEYS})(?:[_-]?(?:access[_-]?)?key|[_-]value)?"
SENSITIVE_KEY: Final = re.compile(rf"(?i){_KEY}")

_QUOTE: Final = r"""(?:\\{0,64}+["']|%(?:25){0,3}2[27])"""
_GAP: Final = r"(?:\s|%20){0,8}+"
_SEPARATOR: Final = rf"{_GAP}{_QUOTE}?{_GAP}(?:=>|[:=]|%(?:25){{0,3}}3[ad]){_GAP}"
_AFTER_QUOTED: Final = rf"{_QUOTE}\s{{0,8}}+,\s{{0,8}}+"
_SCHEME: Final = r"(?:(?:bearer|basic|digest|negotiate|token)\s{1,8}+)?"
_QUOTED: Final = r"""[bru]{0,2}(?P<q>\\{0,64}+["'])(?P<quoted>.*?)(?:(?<!\\)(?P=q)|\Z)"""
_NESTED: Final = r"\[[^\]]*+\]?|\{[^}]*+\}?|\([^)]*+\)?"
_BARE: Final = rf"""{_SCHEME}[^\s"',}}&]++"""
# Written without a sign between name and value: `--requirepass X`, `-pass X`, `requirepass X` in a
# configuration, and the words of an argv as Python shows them. What begins like the next option is
# no value.
_WORD: Final = r"(?:requirepass|masterauth|primaryauth)"
_OPTION: Final = (
    rf"(?:(?<![\w-])--?(?:[a-z0-9]{{1,32}}[_-]){{0,4}}(?:{_KEY}|pass|auth|{_WORD})|\b{_WORD})"
)
_SPACE: Final = r"\s{1,8}+(?!--[a-z])"

DETECTORS: Final[tuple[tuple[str | None, re.Pattern[str]], ...]] = (
    # A key that names a secret, and its value: quoted (to the quote's end, or the text's), nested,
    # or bare. `password = "a b"`, `"pwd": {…}`, `\"token\": \"…\"`, `('secret', b'…')`.
    (
        None,
        re.compile(
            rf"(?is){_KEY}(?:{_SEPARATOR}|{_AFTER_QUOTED})"
            rf"(?:{_QUOTED}|(?P<nested>{_NESTED})|(?P<bare>{_BARE}))"
        ),
    ),
    (
        None,
        re.compile(
            rf"(?is){_OPTION}(?:{_SPACE}|{_SEPARATOR}|{_AFTER_QUOTED})"
            rf"(?:{_QUOTED}|(?P<word>[^\s\"']++))"
        ),
    ),
    (None, re.compile(rf"(?i)(?:authorization|cookie){_SEPARATOR}(?P<rest>[^\r\n\"']++)")),
    (
        None,
        re.compile(
            r"(?i:\b(?:bearer|basic))\s{1,8}+"
            r"(?P<bearer>(?=[a-z]{0,19}[^a-z\s]|[a-z]{20})[A-Za-z0-9._~+/=-]{6,}+)"
        ),
    ),
    ("eyJ", re.compile(r"(?<![A-Za-z0-9_-])eyJ[A-Za-z0-9_-]{8,}+(?:\.[A-Za-z0-9_-]*+){0,2}")),
    (
        "-----BEGIN",
        re.compile(r"(?s)-----BEGIN [A-Z ]{0,40}KEY-----(?P<pem>.*?)(?:-----END|\Z)"),
    ),
    ("sk-", re.compile(r"(?<![A-Za-z0-9])sk-[A-Za-z0-9_-]{16,}+")),
    ("AKIA", re.compile(r"(?<![A-Za-z0-9])AKIA[0-9A-Z]{16}(?![0-9A-Z])")),
    ("gh", re.compile(r"(?<![A-Za-z0-9])gh[opsu]_[A-Za-z0-9]{20,}+")),
    ("xox", re.compile(r"(?<![A-Za-z0-9])xox[abeprs]-[A-Za-z0-9-]{10,}+")),
    ("hooks.slack.com", re.compile(r"hooks\.slack\.com/(?P<hook>[\w/-]++)")),
    ("whsec_", re.compile(r"whsec_[A-Za-z0-9+/=]{16,}+")),
)
"""(a text without which the pattern cannot match, the pattern); a named group is what is hidden."""

USERINFO: Final = re.compile(
    r"""://(?P<user>[^\s"':/?#@]{0,256}:(?!\d{1,5}[/?#])[^\s"']{0,256}@|[^\s"'/?#]*@)"""
)
"""User and password of a URL, to the `@`; a password may hold anything but blanks and quotes."""
EMAIL: Final = re.compile(
    r"(?<![A-Za-z0-9._%+-])[A-Za-z0-9._%+-]++@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){0,8}"
    r"\.[A-Za-z]{2,24}(?![A-Za-z0-9])"
)
CARD: Final = re.compile(r"(?<![\d.])[2-6]\d(?:[ -]?\d){11,17}(?!\.?\d)")
"""Possibly a payment card; whether it is one, Luhn decides. None begins with 1, as times do."""
RESIDENT_NUMBER: Final = re.compile(r"(?<!\d)\d{6}[- ]?[1-8]\d{6}(?!\d)")
"""Korean resident number; 5 to 8 are foreign residents. Its checksum ended in October 2020."""
_DIAL: Final = r"(?<!\d)(?<!\d\.)(?:\+82[-. ]?0?|0)"
NUMBERS: Final = (
    re.compile(rf"{_DIAL}1[016789][-. ]?\d{{3,4}}[-. ]?\d{{4}}(?!\d)"),
    re.compile(rf"{_DIAL}(?:2|[3-6][1-5]|70|80|50\d)[-). ]\d{{3,4}}[-. ]\d{{4}}(?!\d)"),
    re.compile(r"(?<![A-Za-z0-9])[MSRODG]\d{8}(?![A-Za-z0-9])"),
    re.compile(r"(?<!\d)\d{2}-\d{2}-\d{6}-\d{2}(?!\d)"),
)  # fmt: skip
"""Korean mobile, landline, passport, driver licence."""
ID_KEY_BEFORE: Final = re.compile(
    r"""(?:(?<!\w)(?!\w*(?:card|resident|national|jumin|rrn|phone|tel))"""
    r"""(?:(?:\w*_)?(?:id|ms|us|ns|at|ts)|\w*[a-z]I[dD]|\w*(?:offset|timestamp|bytes|count|seq))"""
    r"""["'\\]{0,4}\s?[:=]\s?["'\\]{0,4}|/\d{1,5}/\d{1,19}/)$"""
)
"""What stands before a number that is an id, a time or a place in the log (…/3/18822/176…)."""
ENCODED_RUN: Final = re.compile(r"(?<![A-Za-z0-9+/_=-])[A-Za-z0-9+/_-]{16,}+={0,2}")
HEX_RUN: Final = re.compile(r"(?<![0-9A-Fa-f])(?:[0-9A-Fa-f]{2}){8,}+(?![0-9A-Fa-f])")
