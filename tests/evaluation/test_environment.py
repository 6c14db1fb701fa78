from __future__ import annotations

import getpass
import platform
from datetime import datetime

import pytest


def test_the_environment_names_versions_and_machine_but_no_host_or_folder(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pytest.importorskip("torch")
    import torch

    from manyicl.evaluation.environment import describe_environment
    from manyicl.version import __version__

    monkeypatch.setattr("sys.argv", ["/some/where/bin/manyicl", "run", "a b.yaml"])
    found = describe_environment()
    assert found.get("manyicl") == __version__
    assert found.get("torch") == torch.__version__
    assert found.get("command") == "manyicl run 'a b.yaml'"
    assert datetime.fromisoformat(found.get("date", "")).utcoffset() is not None
    assert platform.node() not in [str(value) for value in found.values()]
    assert getpass.getuser() not in [str(value) for value in found.values()]
