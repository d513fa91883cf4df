"""YAML, by its nodes: every value knows its line and column. Only plain values are allowed."""

from __future__ import annotations

from typing import Any, Final

import yaml

from cc_executor.client.taskfiles.parsed import Malformed, Parsed, Position, join

_MAX_NODES: Final = 200_000
_MAX_DEPTH: Final = 100
_PLAIN: Final = {"tag:yaml.org,2002:" + kind for kind in ("str", "int", "float", "bool", "null")}


def parse(text: str) -> Parsed:
    """Return the content of a YAML document.

    Raises:
        Malformed: It is not YAML, has a key twice, a value that is not plain, or too many nodes.
    """
    loader = yaml.SafeLoader(text)
    try:
        node = loader.get_single_node()
        if node is None:
            raise Malformed("the file is empty", Position(1, 1))
        builder = _Builder(loader)
        return Parsed(builder.build(node, "", 0), builder.positions)
    except yaml.MarkedYAMLError as error:
        problem = error.problem or "is not YAML"
        raise Malformed(problem, _position(error.problem_mark)) from error
    except yaml.YAMLError as error:
        raise Malformed(str(error).replace("\n", " ")) from error
    except RecursionError:
        raise Malformed("is nested too deeply") from None
    finally:
        loader.dispose()


class _Builder:
    def __init__(self, loader: yaml.SafeLoader) -> None:
        self._loader = loader
        self._nodes = 0
        self.positions: dict[str, Position] = {}

    def build(self, node: yaml.Node, path: str, depth: int) -> Any:  # noqa: ANN401 - any value
        self._nodes += 1
        place = _position(node.start_mark)
        if self._nodes > _MAX_NODES or depth > _MAX_DEPTH:
            raise Malformed("is too large, or refers to itself", place)
        if place is not None:
            self.positions[path] = place
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path, depth)
        if isinstance(node, yaml.SequenceNode):
            return [
                self.build(child, f"{path}[{number}]", depth + 1)
                for number, child in enumerate(node.value)
            ]
        if node.tag not in _PLAIN:
            raise Malformed(
                f"a value of the kind {node.tag.rsplit(':', 1)[-1]!r} is not allowed",
                place,
                hint="Put it in quotes to make it text.",
            )
        return self._loader.construct_object(node)

    def _mapping(self, node: yaml.MappingNode, path: str, depth: int) -> dict[str, Any]:
        built: dict[str, Any] = {}
        for key_node, value_node in node.value:
            place = _position(key_node.start_mark)
            if not isinstance(key_node, yaml.ScalarNode):
                raise Malformed("a key must be text", place)
            key = str(key_node.value)
            if key in built:
                raise Malformed(f"the key {key!r} stands twice", place)
            built[key] = self.build(value_node, join(path, key), depth + 1)
        return built


def _position(mark: yaml.Mark | None) -> Position | None:
    return None if mark is None else Position(mark.line + 1, mark.column + 1)
