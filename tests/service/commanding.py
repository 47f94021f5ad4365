"""The command line in this process, through its real entry point."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass

import pytest
import uvicorn
from ntag424_service.cli.main import main

from tests.service.running import free_port


@dataclass(frozen=True, slots=True)
class Run:
    """What a command left behind."""

    code: int
    stdout: str
    stderr: str
    #: Whether it came as far as serving.
    served: bool


class CommandLine:
    """`ntag424-service`, without a process of its own and without ever serving."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
        self._patch, self._captured = monkeypatch, capfd

    def __call__(self, *arguments: str, settings: Mapping[str, str]) -> Run:
        served: list[object] = []
        with self._patch.context() as patch:
            for name, value in {"NTAG424_PORT": str(free_port()), **settings}.items():
                patch.setenv(name, value)
            patch.setattr(sys, "argv", ["ntag424-service", *arguments])
            patch.setattr(uvicorn.Config, "configure_logging", lambda _: None)
            patch.setattr(uvicorn.Server, "run", lambda _, sockets: served.append(sockets))
            code: object = 0
            try:
                main()
            except SystemExit as end:
                code = end.code or 0
        printed = self._captured.readouterr()
        assert isinstance(code, int)
        return Run(code, printed.out, printed.err, served=bool(served))
