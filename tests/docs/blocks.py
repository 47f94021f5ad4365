"""Fenced blocks of Markdown files, and what they promise."""

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
_FENCE = re.compile(r"^ *```(\w+)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Block:
    """One fenced block."""

    document: str
    line: int
    language: str
    text: str

    def __str__(self) -> str:
        return f"{self.document}:{self.line}"


def documents() -> list[Path]:
    return [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("*/README.md")]


def blocks(document: Path) -> list[Block]:
    source = document.read_text("utf-8")
    name = str(document.relative_to(ROOT))
    return [
        Block(name, source.count("\n", 0, match.start()) + 1, match[1], _dedent(match))
        for match in _FENCE.finditer(source)
    ]


def _dedent(match: re.Match[str]) -> str:
    indent = len(match[0]) - len(match[0].lstrip(" "))
    return "".join(line[indent:] for line in match[2].splitlines(keepends=True))


def matches(promised: str, printed: str) -> bool:
    """Whether *printed* is what *promised* says, where … stands for anything."""
    pattern = ".*".join(re.escape(piece) for piece in promised.strip().split("…"))
    return re.fullmatch(pattern, printed.strip(), re.DOTALL) is not None
