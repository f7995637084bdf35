"""The package as a wheel: installed elsewhere, it keeps nothing beside itself and works in any folder."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from homeiq_assets_tests.conftest import PROJECT


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that the wheel was unpacked into, as pip would."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation", "-w", str(folder)]
    subprocess.run([*build, str(PROJECT)], check=True, capture_output=True)
    (wheel,) = folder.glob("*.whl")
    zipfile.ZipFile(wheel).extractall(folder / "site-packages")
    return folder / "site-packages"


def test_a_command_of_the_wheel_keeps_what_it_makes_in_the_working_folder_and_says_so(
    installed: Path, tmp_path: Path
) -> None:
    before = sorted(installed.rglob("*"))
    environment = {name: value for name, value in os.environ.items() if name != "HOMEIQ_HOME"}
    environment |= {"PYTHONPATH": str(installed), "PYTHONDONTWRITEBYTECODE": "1"}
    words = [sys.executable, "-m", "homeiq_assets", "doctor"]

    done = subprocess.run(words, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
    assert f"homeiq: made the folder {tmp_path / '.homeiq'}" in done.stderr
    assert sorted(installed.rglob("*")) == before


def test_the_wheel_holds_the_package_its_types_and_no_tests(installed: Path) -> None:
    assert (installed / "homeiq_assets" / "py.typed").is_file()
    assert (installed / "homeiq_assets" / "definitions.py").is_file()
    assert not (installed / "homeiq_assets_tests").exists()
