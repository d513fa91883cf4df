"""JSON as strict readers understand it, with bounds that are checked before anything is built.

What RFC 8259 leaves to the reader is refused here, because two readers that disagree about a
message are a hole: names that stand twice in an object, numbers that no float holds, halves of
surrogate pairs, a byte order mark. NaN and Infinity are no JSON at all, though `json` takes them.

The standard library's scanner (C) builds the values. Its recursion is bounded beforehand, without
a loop in Python: with escaped quotes gone, every other piece between quotes is a string, and what
stands outside of them tells the depth and the number of values. 10 MiB take 30 to 150 ms, most of
it in the scanner; what is beyond the bounds takes less.
"""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Sequence
from itertools import accumulate
from typing import Any, Final

from cc_executor.errors import MalformedMessage

#: Longest number taken. Turning digits into a number takes the square of their count.
MAX_NUMBER_CHARS: Final = 1000

_HALF_CHARACTER: Final = re.compile(rb"\\u[dD][89a-fA-F]")
#: Opening brackets as 1, closing ones as -1; everything else is deleted.
_STEPS: Final = bytes.maketrans(b"[{]}", b"\x01\x01\xff\xff")
#: Each of them stands before one more value or name.
_SEPARATORS: Final = (b"[", b"{", b",", b":")
_NO_BRACKETS: Final = bytes(set(range(256)) - set(b"[]{}"))
_BOM: Final = b"\xef\xbb\xbf"


def loads(data: bytes | str, *, max_depth: int, max_values: int) -> Any:  # noqa: ANN401 - any JSON value
    """Return the value of a JSON text.

    Args:
        data: The text, or its UTF-8.
        max_depth: Deepest nesting of arrays and objects.
        max_values: Most values and names in all.

    Raises:
        MalformedMessage: It is no JSON, not strict, or beyond the bounds.
    """
    raw, text = _both(data)
    _check_bounds(raw, max_depth=max_depth, max_values=max_values)
    try:
        value = _DECODER.decode(text)
    except json.JSONDecodeError as error:
        said = error.msg[:1].lower() + error.msg[1:]
        raise MalformedMessage(f"is not JSON: {said} at character {error.pos}") from None
    if _HALF_CHARACTER.search(raw) is not None and _has_half_characters(value):
        raise MalformedMessage("holds half a character (a lone surrogate)")
    return value


def _both(data: bytes | str) -> tuple[bytes, str]:
    """Return the message as bytes and as text."""
    try:
        raw, text = (data.encode(), data) if isinstance(data, str) else (data, data.decode("utf-8"))
    except UnicodeEncodeError:
        raise MalformedMessage("holds half a character (a lone surrogate)") from None
    except UnicodeDecodeError as error:
        raise MalformedMessage(f"is not UTF-8 at byte {error.start}") from None
    if raw.startswith(_BOM):
        raise MalformedMessage("begins with a byte order mark")
    return raw, text


def _check_bounds(raw: bytes, *, max_depth: int, max_values: int) -> None:
    """Do nothing for a text that can be read without deep recursion and without great cost."""
    if sum(map(raw.count, _SEPARATORS)) < min(max_depth, max_values):
        return  # nearly every request: nothing can be too much
    quotes = raw
    if b"\\" in raw:
        quotes = raw.replace(b"\\\\", b"").replace(b'\\"', b"")
    if quotes.count(b'"') > 2 * max_values:
        raise MalformedMessage(f"holds more than {max_values:,} values")
    bones = b"".join(quotes.split(b'"')[::2])
    if sum(map(bones.count, _SEPARATORS)) >= max_values:
        raise MalformedMessage(f"holds more than {max_values:,} values")
    steps = memoryview(bones.translate(_STEPS, _NO_BRACKETS)).cast("b")
    if max(accumulate(steps), default=0) > max_depth:
        raise MalformedMessage(f"is nested deeper than {max_depth} levels")


def _object(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        twice, _count = Counter(name for name, _ in pairs).most_common(1)[0]
        raise MalformedMessage(f"has the name {twice[:100]!r} twice in one object")
    return made


def _constant(name: str) -> float:
    raise MalformedMessage(f"holds {name}, which is not JSON")


def _integer(digits: str) -> int:
    if len(digits) > MAX_NUMBER_CHARS:
        raise MalformedMessage(f"holds a number of more than {MAX_NUMBER_CHARS} digits")
    return int(digits)


def _fraction(digits: str) -> float:
    if len(digits) > MAX_NUMBER_CHARS:
        raise MalformedMessage(f"holds a number of more than {MAX_NUMBER_CHARS} digits")
    number = float(digits)
    if math.isinf(number):
        raise MalformedMessage(f"holds the number {digits[:100]}, which is too large")
    return number


_DECODER: Final = json.JSONDecoder(
    object_pairs_hook=_object,
    parse_constant=_constant,
    parse_int=_integer,
    parse_float=_fraction,
)


def _has_half_characters(value: object) -> bool:
    """Tell whether an escape has left half a character in a text or name. Depth is bounded."""
    if isinstance(value, str):
        return is_half(value)
    if isinstance(value, dict):
        return any(is_half(name) or _has_half_characters(inner) for name, inner in value.items())
    return isinstance(value, list) and any(_has_half_characters(inner) for inner in value)


def is_half(text: str) -> bool:
    """Tell whether a text holds a lone surrogate, which no UTF-8 can carry."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return False
