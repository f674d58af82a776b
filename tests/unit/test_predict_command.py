"""`portrait predict` where it cannot even begin; what it does with a store is in tests/integration/test_predictions.py."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from ops.cli import main
from ops.local.home import DATABASE_URL

ROOT = Path(__file__).parents[2]


def refused(arguments: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr("sys.argv", ["portrait", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    told = capsys.readouterr()
    assert (ended.value.code, told.out) == (1, "")
    return told.err


def test_it_says_what_to_install_where_scipy_is_not(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "scipy", None)
    assert "Install it with `pip install 'portrait[predict]'`" in refused(["predict"], capsys, monkeypatch)


def test_it_says_what_is_missing_where_there_is_no_store(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv(DATABASE_URL, raising=False)
    assert "knows no PostgreSQL" in refused(["predict", "--home", str(tmp_path)], capsys, monkeypatch)


def test_other_commands_do_not_pay_for_what_it_needs() -> None:
    program = "import sys; import ops.cli; print({'numpy', 'scipy'} & set(sys.modules))"
    run = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    assert (run.stdout, run.stderr) == ("set()\n", "")
