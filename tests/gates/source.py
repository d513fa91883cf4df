"""Python source as the gates see it: modules, and what each of them refers to."""

from __future__ import annotations

import ast
import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

REPOSITORY: Final = Path(__file__).resolve().parents[2]
SOURCE: Final = REPOSITORY / "src"

DYNAMIC_IMPORTS: Final = frozenset({"__import__", "importlib.import_module"})


@dataclasses.dataclass(frozen=True, slots=True)
class Module:
    """One source file.

    Attributes:
        name: Its dotted name, e.g. `cc_executor.model.ids`.
        text: Its source.
    """

    name: str
    text: str

    @property
    def room(self) -> str:
        """The room it stands in, e.g. `model`; empty for the package itself."""
        return self.name.split(".")[1] if "." in self.name else ""


@dataclasses.dataclass(frozen=True, slots=True)
class Reference:
    """A use of something imported or built in, by its full dotted name, whatever the alias."""

    line: int
    name: str


def modules_below(root: Path) -> list[Module]:
    """Return the Python files below `root`, named relative to it."""
    return [
        Module(
            name=".".join(path.relative_to(root).with_suffix("").parts).removesuffix(".__init__"),
            text=path.read_text(encoding="utf-8"),
        )
        for path in sorted(root.rglob("*.py"))
    ]


def references(module: Module) -> Iterator[Reference]:
    """Yield what `module` refers to: imports, dotted names, `getattr` with a literal name.

    It errs on the safe side: scopes are not told apart, so a local variable that has the name of
    an imported module counts as that module.
    """
    tree = ast.parse(module.text)
    aliases = dict(_aliases(tree))
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            for name in _imported(node):
                yield Reference(node.lineno, name)
        elif isinstance(node, ast.Name | ast.Attribute | ast.Call):
            dotted = _dotted(node, aliases)
            if dotted:
                yield Reference(node.lineno, dotted)


def _aliases(tree: ast.Module) -> Iterator[tuple[str, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for name in node.names:
                # `import a.b` binds `a`; `import a.b as c` binds `c` to `a.b`.
                yield (name.asname, name.name) if name.asname else (name.name.split(".")[0],) * 2
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            for name in node.names:
                yield name.asname or name.name, f"{node.module}.{name.name}"


def _imported(node: ast.Import | ast.ImportFrom) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (name.name for name in node.names)
    elif node.module and not node.level:
        yield from (f"{node.module}.{name.name}" for name in node.names)


def _dotted(node: ast.expr, aliases: dict[str, str]) -> str:
    """Return the full name that `node` stands for; empty when it does not stand for a name."""
    match node:
        case ast.Name(id=name):
            return aliases.get(name, name)
        case ast.Attribute(value=value, attr=attr):
            # Of an unknown object (`loop()`, `x[0]`) the method's name is still known.
            return f"{_dotted(value, aliases) or '?'}.{attr}"
        case ast.Call(func=ast.Name(id="getattr"), args=[value, ast.Constant(value=str(attr)), *_]):
            return f"{_dotted(value, aliases) or '?'}.{attr}"
        case ast.Call(func=function, args=[ast.Constant(value=str(name)), *_]):
            return name if _dotted(function, aliases) in DYNAMIC_IMPORTS else ""
        case _:
            return ""
