"""What must be refused, by name: the message, the code, the id that comes back, and the reason.

`CASES` are whole messages. `in_a_batch` makes of those that are JSON what they are as one call
among good ones.
"""

from __future__ import annotations

import json
from typing import Final, NamedTuple

PARSE_ERROR: Final = -32700
INVALID_REQUEST: Final = -32600


class Case(NamedTuple):
    """One message that is refused.

    Attributes:
        because: Part of the sentence that says why.
    """

    name: str
    message: bytes
    code: int
    because: str
    id: str | int | None = None


def call(text: str) -> bytes:
    """Return a good call around a parameter that is not."""
    return f'{{"jsonrpc":"2.0","id":1,"method":"m","params":[{text}]}}'.encode()


def raw(data: bytes) -> bytes:
    """Return a good call around a string of these bytes."""
    return b'{"jsonrpc":"2.0","id":1,"method":"m","params":["' + data + b'"]}'


# --- no JSON -------------------------------------------------------------------------------------

_NO_JSON: Final = {
    "nothing": "",
    "a space": " ",
    "newlines": "\n\r\n",
    "a word": "hello",
    "a capital True": "True",
    "a Python None": "None",
    "undefined": "undefined",
    "half of null": "nul",
    "null and more": "nullx",
    "an open brace": "{",
    "an open bracket": "[",
    "an open quote": '"',
    "a closing brace": "}",
    "a closing bracket": "]",
    "a comma": ",",
    "a colon": ":",
    "brackets crossed": "[}",
    "braces crossed": "{]",
    "brackets nested wrongly": '{"a":[}]',
    "an array not closed": "[1",
    "an array closed twice": "[1]]",
    "an array with a comma at its end": "[1,]",
    "an array with a comma at its beginning": "[,1]",
    "an array with two commas": "[1,,2]",
    "an array without a comma": "[1 2]",
    "an array with a colon": "[1:2]",
    "an array with a semicolon": "[1;2]",
    "an object not closed": '{"a":1',
    "an object closed twice": '{"a":1}}',
    "an object with a comma at its end": '{"a":1,}',
    "an object with a comma at its beginning": '{,"a":1}',
    "an object with two commas": '{"a":1,,"b":2}',
    "an object without a comma": '{"a":1 "b":2}',
    "an object without a colon": '{"a" 1}',
    "an object with two colons": '{"a"::1}',
    "an object with an equals sign": '{"a"=1}',
    "an object with a name alone": '{"a"}',
    "an object with a name and a colon alone": '{"a":}',
    "an object with a value alone": "{:1}",
    "an object with a number as name": "{1:1}",
    "an object with null as name": "{null:1}",
    "an object with an array as name": "{[]:1}",
    "an object with a bare name": "{a:1}",
    "an object with single quotes": "{'a':1}",
    "a string in single quotes": "'a'",
    "a string in backquotes": "`a`",
    "a string not closed": '"abc',
    "a string closed by an escaped quote": '"abc\\"',
    "a string that ends in a backslash": '"abc\\',
    "a string with a newline": '"a\nb"',
    "a string with a tab": '"a\tb"',
    "a string with a NUL": '"a\0b"',
    "a string with a carriage return": '"a\rb"',
    "a string with an escape character": '"\x1b[0m"',
    "a string with an unknown escape": '"\\x41"',
    "a string with an escaped a": '"\\a"',
    "a string with an escaped digit": '"\\0"',
    "a string with an escaped newline": '"\\\n"',
    "a string with a capital U": '"\\U00000041"',
    "a unicode escape of three digits": '"\\u123"',
    "a unicode escape of no digits": '"\\u"',
    "a unicode escape with a letter too far": '"\\u123g"',
    "a unicode escape in braces": '"\\u{41}"',
    "a unicode escape with a sign": '"\\u+123"',
    "a unicode escape with an underscore": '"\\u1_23"',
    "two strings": '"a" "b"',
    "two objects": "{} {}",
    "two objects on two lines": "{}\n{}",
    "an object and a comma": "{},",
    "an object and a word": "{} x",
    "an object and a NUL": "{}\0",
    "an object in parentheses": "({})",
    "a call in JSONP": "callback({})",
    "a comment after a slash": '{"a":1} // a',
    "a comment between stars": '{/* a */"a":1}',
    "a comment after a hash": '# a\n{"a":1}',
    "a number with a leading zero": "[01]",
    "a number with a leading plus": "[+1]",
    "a number with two signs": "[--1]",
    "a number that is only a sign": "[-]",
    "a number with a sign after a space": "[- 1]",
    "a number that begins with a point": "[.5]",
    "a number that ends with a point": "[1.]",
    "a number with two points": "[1.2.3]",
    "a number with a comma as point": "[1,5,]",
    "a number with an empty exponent": "[1e]",
    "a number with a signed empty exponent": "[1e+]",
    "a number with a fractional exponent": "[1e1.5]",
    "a number with two exponents": "[1e1e1]",
    "a number in hexadecimal": "[0x10]",
    "a number in octal": "[0o10]",
    "a number in binary": "[0b10]",
    "a number with underscores": "[1_000]",
    "a number with a suffix": "[1n]",
    "a number with a letter l": "[1L]",
    "a number in full-width digits": "[\uff11]",
    "a number in arabic digits": "[\u0663]",
    "a space that is none of JSON's": "[1]\u00a0",
    "a line separator": "\u2028{}",
    "a vertical tab": "\v{}",
    "a form feed": "\f{}",
    "a zero-width space": "\u200b{}",
    "XML": "<methodCall/>",
    "YAML": "jsonrpc: '2.0'",
    "a query string": "jsonrpc=2.0&method=m",
    "a line of HTTP": "GET /ws HTTP/1.1",
    "two calls on two lines": '{"jsonrpc":"2.0","method":"m"}\n{"jsonrpc":"2.0","method":"m"}',
}

_CONSTANTS: Final = {
    "NaN": "NaN",
    "Infinity": "Infinity",
    "minus Infinity": "-Infinity",
}

_BAD_UTF8: Final = {
    "a lone byte of a character's middle": b"\x80",
    "a character without its end": b"\xc3",
    "a character of three bytes without the third": b"\xe6\xbc",
    "a character of four bytes without the fourth": b"\xf0\x9f\x98",
    "a slash in two bytes": b"\xc0\xaf",
    "a NUL in two bytes": b"\xc0\x80",
    "a slash in three bytes": b"\xe0\x80\xaf",
    "a slash in four bytes": b"\xf0\x80\x80\xaf",
    "the first half of a surrogate pair": b"\xed\xa0\x80",
    "the second half of a surrogate pair": b"\xed\xb0\x80",
    "a surrogate pair in six bytes": b"\xed\xa0\xbd\xed\xb8\x80",
    "a character beyond the last": b"\xf4\x90\x80\x80",
    "a character of five bytes": b"\xf8\x88\x80\x80\x80",
    "a character of six bytes": b"\xfc\x84\x80\x80\x80\x80",
    "the byte FE": b"\xfe",
    "the byte FF": b"\xff",
    "Latin-1": "é".encode("latin-1"),
    "a character cut by the quote": b"\xe6\xbc\x22",
}

_HALVES: Final = {
    "the first half": "\\ud800",
    "the last first half": "\\udbff",
    "the second half": "\\udc00",
    "the last second half": "\\udfff",
    "the halves in the wrong order": "\\udc00\\ud800",
    "two first halves": "\\ud83d\\ud83d",
    "a first half and a letter": "\\ud83da",
    "a pair and a half": "\\ud83d\\ude00\\ud83d",
    "in capitals": "\\uD83D",
    "a first half before a backslash": "\\ud83d\\\\ude00",
}

_TWICE: Final = {
    "the method": '{"jsonrpc":"2.0","method":"a","method":"b","id":1}',
    "the id": '{"jsonrpc":"2.0","method":"a","id":1,"id":2}',
    "the id, the same": '{"jsonrpc":"2.0","method":"a","id":1,"id":1}',
    "the version": '{"jsonrpc":"2.0","jsonrpc":"1.0","method":"a","id":1}',
    "the params": '{"jsonrpc":"2.0","method":"a","params":{},"params":[],"id":1}',
    "a parameter": '{"jsonrpc":"2.0","method":"a","params":{"x":1,"x":2},"id":1}',
    "a parameter, once with an escape": '{"jsonrpc":"2.0","method":"a","params":{"x":1,"\\u0078":2}}',
    "a name deep inside": call('[{"a":[{"b":{"c":1,"c":1}}]}]').decode(),
    "an empty name": call('{"":1,"":2}').decode(),
    "a name with others between": call('{"a":1,"b":2,"c":3,"a":4}').decode(),
    "a name in one call of a batch": '[{"jsonrpc":"2.0","method":"a"},{"id":1,"id":2}]',
}

_HUGE: Final = {
    "a float beyond all floats": "1e999",
    "a negative one": "-1e999",
    "an exponent of many digits": "1e" + "9" * 50,
    "a fraction beyond all floats": "1.5e400",
    "an integer of 1,001 digits": "1" * 1001,
    "an integer of a million digits": "9" * 1_000_000,
    "a fraction of a million digits": "0." + "9" * 1_000_000,
}

_TOO_DEEP: Final = {
    "arrays": "[" * 65 + "]" * 65,
    "objects": '{"a":' * 65 + "1" + "}" * 65,
    "both in turn": '[{"a":' * 33 + "1" + "}]" * 33,
    "arrays that never end": "[" * 100_000,
    "objects that never end": '{"a":' * 100_000,
    "arrays in a call": call("[" * 63 + "]" * 63).decode(),
    "beside brackets in strings": call('"[[[", ' + "[" * 63 + "]" * 63).decode(),
    "after an escaped quote": call('"\\"", ' + "[" * 63 + "]" * 63).decode(),
    "after a string that ends in a backslash": call('"\\\\", ' + "[" * 63 + "]" * 63).decode(),
    "after brackets that were closed": "[" + "[]," * 500 + "[" * 64 + "]" * 65,
    "in an object's last member": '{"a":1,"b":' + "[" * 64 + "]" * 64 + "}",
}

_TOO_MANY: Final = {
    "numbers": "[" + "1," * 250_000 + "1]",
    "arrays": "[" + "[]," * 125_001 + "[]]",
    "names": "{" + ",".join(f'"{n}":1' for n in range(125_001)) + "}",
    "strings that end in a backslash": "[" + '"\\\\",' * 250_001 + "1]",
    "empty strings": "[" + '"",' * 250_000 + '""]',
}

# --- no request ----------------------------------------------------------------------------------

#: Values of every kind, by name.
_VALUES: Final = {
    "null": None,
    "true": True,
    "false": False,
    "zero": 0,
    "a number": 42,
    "a fraction": 1.5,
    "an empty string": "",
    "a string": "hello",
    "an empty array": [],
    "an array": [1],
    "an empty object": {},
    "an object": {"a": 1},
}

_NO_VERSIONS: Final = {
    "1.0": "1.0",
    "1.1": "1.1",
    "2": "2",
    "2.00": "2.00",
    "2.0 with a space": "2.0 ",
    "2.1": "2.1",
    "3.0": "3.0",
    "v2.0": "v2.0",
    "the number 2": 2,
    "the number 2.5": 2.5,
    **{name: value for name, value in _VALUES.items() if name != "a string"},
}

_NO_IDS: Final = {
    "true": "true",
    "false": "false",
    "a fraction": "1.5",
    "a fraction that is whole": "1.0",
    "a negative fraction": "-0.5",
    "an exponent": "1e3",
    "an exponent that makes a fraction": "25e-1",
    "an empty array": "[]",
    "an array of an id": "[1]",
    "an empty object": "{}",
    "an object": '{"id":1}',
}


def _calls() -> dict[str, tuple[object, str, str | int | None]]:
    """Return JSON values that are no calls, with the reason and the id that comes back."""
    good = {"jsonrpc": "2.0", "method": "m", "id": 7}
    found: dict[str, tuple[object, str, str | int | None]] = {}
    for name, value in _VALUES.items():
        if not isinstance(value, list | dict):
            found[f"{name} alone"] = (value, "no object", None)
        if not isinstance(value, str):
            found[f"{name} as method"] = ({**good, "method": value}, "`method`", 7)
            found[f"{name} as method, without an id"] = (
                {"jsonrpc": "2.0", "method": value},
                "`method`",
                None,
            )
        if not isinstance(value, list | dict):
            found[f"{name} as params"] = ({**good, "params": value}, "`params`", 7)
            found[f"{name} as params of a notification"] = (
                {"jsonrpc": "2.0", "method": "m", "params": value},
                "`params`",
                None,
            )
    for name, version in _NO_VERSIONS.items():
        found[f"version {name}"] = ({**good, "jsonrpc": version}, "`jsonrpc`", 7)
        found[f"version {name} of a notification"] = (
            {"jsonrpc": version, "method": "m"},
            "`jsonrpc`",
            None,
        )
    for name, text in _NO_IDS.items():
        found[f"{name} as id"] = ({**good, "id": json.loads(text)}, "`id`", None)
        found[f"{name} as id of an answer"] = (
            {"jsonrpc": "2.0", "result": 1, "id": json.loads(text)},
            "`id`",
            None,
        )
    for ident in (None, 0, -1, "", "x", 10**40):
        shown = repr(ident)[:12]
        found[f"no method, id {shown}"] = ({"jsonrpc": "2.0", "id": ident}, "`method`", ident)
        found[f"no version, id {shown}"] = ({"method": "m", "id": ident}, "`jsonrpc`", ident)
    return {
        **found,
        "an object with nothing": ({}, "`jsonrpc`", None),
        "an object with other things": ({"foo": "boo"}, "`jsonrpc`", None),
        "only a version": ({"jsonrpc": "2.0"}, "`method`", None),
        "only a method": ({"method": "m"}, "`jsonrpc`", None),
        "only an id": ({"id": 3}, "`jsonrpc`", 3),
        "names in capitals": ({"JSONRPC": "2.0", "Method": "m", "ID": 1}, "`jsonrpc`", None),
        "a method in capitals": ({"jsonrpc": "2.0", "METHOD": "m", "id": 1}, "`method`", 1),
        "a name with a space": ({"jsonrpc ": "2.0", "method": "m", "id": 1}, "`jsonrpc`", 1),
        "JSON-RPC 1.0": ({"method": "m", "params": [], "id": 1}, "`jsonrpc`", 1),
        "an answer without a version": ({"result": 1, "id": 1}, "`jsonrpc`", 1),
        "the predecessor's hello": ({"type": "hello", "id": "a"}, "`jsonrpc`", "a"),
    }


def _messages() -> list[Case]:
    cases = [
        Case(f"no JSON: {name}", text.encode(), PARSE_ERROR, "is not JSON")
        for name, text in _NO_JSON.items()
    ]
    for name, text in _CONSTANTS.items():
        cases += [
            Case(f"{name} alone", text.encode(), PARSE_ERROR, "which is not JSON"),
            Case(f"{name} as a parameter", call(text), PARSE_ERROR, "which is not JSON"),
            Case(f"{name} in an object", call(f'{{"a":{text}}}'), PARSE_ERROR, "which is not JSON"),
            Case(
                f"{name} as id",
                f'{{"jsonrpc":"2.0","method":"m","id":{text}}}'.encode(),
                PARSE_ERROR,
                "which is not JSON",
            ),
        ]
    cases += [
        Case(f"no UTF-8: {name}", raw(data), PARSE_ERROR, "UTF-8")
        for name, data in _BAD_UTF8.items()
    ]
    cases += [
        Case("no UTF-8: UTF-16", "{}".encode("utf-16"), PARSE_ERROR, "UTF-8"),
        Case("no UTF-8 in a name", b'{"\xff":1}', PARSE_ERROR, "UTF-8"),
        Case("no UTF-8 outside of strings", b"[1\xff]", PARSE_ERROR, "UTF-8"),
        Case("UTF-16 without a mark", "{}".encode("utf-16-le"), PARSE_ERROR, "not JSON"),
        Case("UTF-32 without a mark", "{}".encode("utf-32-le"), PARSE_ERROR, "not JSON"),
        Case("a byte order mark", b"\xef\xbb\xbf{}", PARSE_ERROR, "byte order mark"),
        Case("two byte order marks", b"\xef\xbb\xbf" * 2 + b"{}", PARSE_ERROR, "byte order mark"),
        Case("only a byte order mark", b"\xef\xbb\xbf", PARSE_ERROR, "byte order mark"),
        Case("a byte order mark at the end", b"{}\xef\xbb\xbf", PARSE_ERROR, "not JSON"),
    ]
    for name, text in _HALVES.items():
        cases += [
            Case(f"half a character: {name}", call(f'"{text}"'), PARSE_ERROR, "half a character"),
            Case(
                f"half a character in a name: {name}",
                call(f'{{"{text}":1}}'),
                PARSE_ERROR,
                "half a character",
            ),
        ]
    cases += [
        Case(
            "half a character as id",
            b'{"jsonrpc":"2.0","method":"m","id":"\\ud800"}',
            PARSE_ERROR,
            "half a character",
        ),
        Case(
            "half a character as method",
            b'{"jsonrpc":"2.0","method":"\\ud800","id":1}',
            PARSE_ERROR,
            "half a character",
        ),
    ]
    cases += [
        Case(f"twice: {name}", text.encode(), PARSE_ERROR, "twice") for name, text in _TWICE.items()
    ]
    cases += [
        Case(f"too large: {name}", call(text), PARSE_ERROR, "number")
        for name, text in _HUGE.items()
    ]
    cases += [
        Case(f"too deep: {name}", text.encode(), PARSE_ERROR, "deeper than 64")
        for name, text in _TOO_DEEP.items()
    ]
    cases += [
        Case(f"too many: {name}", text.encode(), PARSE_ERROR, "more than 250,000")
        for name, text in _TOO_MANY.items()
    ]
    cases += [
        Case(
            "an id with an exponent, as it is written",
            b'{"jsonrpc":"2.0","method":"m","id":1e3}',
            INVALID_REQUEST,
            "`id`",
        ),
        Case("an empty batch", b"[]", INVALID_REQUEST, "empty"),
        Case("an empty batch with a space", b" [ ] ", INVALID_REQUEST, "empty"),
        Case("a batch of 101", _batch_of(101), INVALID_REQUEST, "101 calls"),
        Case("a batch of 10,000", _batch_of(10_000), INVALID_REQUEST, "10,000 calls"),
    ]
    cases += [
        Case(f"no request: {name}", json.dumps(value).encode(), INVALID_REQUEST, reason, ident)
        for name, (value, reason, ident) in _calls().items()
    ]
    return cases


def _batch_of(count: int) -> bytes:
    return b"[" + b",".join([b'{"jsonrpc":"2.0","method":"m"}'] * count) + b"]"


CASES: Final = _messages()

#: Calls that are refused alone in a batch, while the others are carried out.
IN_A_BATCH: Final = [
    *(
        Case(f"in a batch: {name}", json.dumps(value).encode(), INVALID_REQUEST, reason, ident)
        for name, (value, reason, ident) in _calls().items()
    ),
    Case("in a batch: an empty batch", b"[]", INVALID_REQUEST, "no object"),
    Case(
        "in a batch: a batch",
        b'[{"jsonrpc":"2.0","method":"m","id":1}]',
        INVALID_REQUEST,
        "no object",
    ),
]
