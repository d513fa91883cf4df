"""YAML, by its nodes: every value knows its line and column. Only plain values are allowed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import yaml

from cc_executor.client.taskfiles.parsed import (
    Lines,
    Malformed,
    Parsed,
    Position,
    join,
    stands_twice,
)

# Aliases let a small file stand for a huge value, so it is the value that is measured.
_MAX_NODES: Final = 200_000
_MAX_DEPTH: Final = 100
_MAX_CHARACTERS: Final = 16 * 1024 * 1024

_PLAIN: Final = {"tag:yaml.org,2002:" + kind for kind in ("str", "int", "float", "bool", "null")}
#: libyaml reads a long prompt a hundred times faster; wheels of PyYAML have it.
_Loader: Final[type[yaml.SafeLoader]] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

#: What would be right, by a part of what PyYAML or libyaml says is wrong.
_HINTS: Final[Mapping[str, str]] = {
    "mapping values are not allowed": (
        "Put text that holds `: ` in quotes, or write `|` and the text below it, indented."
    ),
    "cannot start any token": (
        "Put text that begins with such a character in quotes; indent with spaces, not tabs."
    ),
    "alias": "Put text that begins with `*` in quotes.",
    "expected a single document": "Keep one document: a line of `---` begins another.",
    "expected": "Look at the indentation, and whether every bracket and quote is closed.",
}


def parse(text: str) -> Parsed:
    """Return the content of a YAML document.

    Raises:
        Malformed: It is not YAML, has a key twice, a value that is not plain, or too much in it.
    """
    try:
        loader = _Loader(text)
        try:
            node = loader.get_single_node()
            if node is None:
                raise Malformed("the file is empty", Position(1, 1))
            builder = _Builder(loader)
            return Parsed(builder.build(node, "", _position(node.start_mark), 0), builder.positions)
        finally:
            loader.dispose()
    except yaml.MarkedYAMLError as error:
        raise _malformed(error) from error
    except yaml.reader.ReaderError as error:
        place = Lines(text).position(error.position)
        raise Malformed(f"holds the character #x{error.character:04x}", place) from error
    except RecursionError:
        raise Malformed("is nested too deeply", Position(1, 1)) from None


def _malformed(error: yaml.MarkedYAMLError) -> Malformed:
    problem = error.problem or "is not YAML"
    hints = (hint for part, hint in _HINTS.items() if part in f"{error.context} {problem}")
    return Malformed(problem, _position(error.problem_mark), hint=next(hints, None))


class _Builder:
    """Makes values of nodes, and notes where they stand."""

    def __init__(self, loader: yaml.SafeLoader) -> None:
        self._loader = loader
        self._nodes = 0
        self._characters = 0
        self.positions: dict[str, Position] = {}

    def build(self, node: yaml.Node, path: str, place: Position | None, depth: int) -> Any:  # noqa: ANN401 - any plain value
        """Return the value of a node that is said to stand at `place`.

        Raises:
            Malformed: It is not plain, or too much.
        """
        self._nodes += 1
        if self._nodes > _MAX_NODES or depth > _MAX_DEPTH:
            raise Malformed("is too large, or refers to itself", place)
        if place is not None:
            self.positions[path] = place
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path, depth)
        if isinstance(node, yaml.SequenceNode):
            return [
                self.build(child, f"{path}[{at}]", _position(child.start_mark), depth + 1)
                for at, child in enumerate(node.value)
            ]
        return self._scalar(node, place)

    def _scalar(self, node: yaml.Node, place: Position | None) -> Any:  # noqa: ANN401 - any plain value
        self._characters += len(node.value)
        if self._characters > _MAX_CHARACTERS:
            raise Malformed("stands for too much text", place, hint="Use fewer aliases.")
        if node.tag not in _PLAIN:
            kind = node.tag.rpartition(":")[2]
            hint = "Put it in quotes to make it text."
            raise Malformed(f"a value of the kind {kind!r} is not allowed", place, hint=hint)
        try:
            return self._loader.construct_object(node)
        except ValueError as error:  # such as a whole number of 5,000 digits
            raise Malformed(f"is not a value: {error}", place) from None

    def _mapping(self, node: yaml.MappingNode, path: str, depth: int) -> dict[str, Any]:
        built: dict[str, Any] = {}
        for key_node, value_node in node.value:
            place = _position(key_node.start_mark)
            if not isinstance(key_node, yaml.ScalarNode):
                raise Malformed("a key must be text", place, hint="Put text with braces in quotes.")
            key = str(key_node.value)
            if key in built:
                raise stands_twice(key, place)
            built[key] = self.build(value_node, join(path, key), place, depth + 1)
        return built


def _position(mark: yaml.Mark | None) -> Position | None:
    return None if mark is None else Position(mark.line + 1, mark.column + 1)
