"""What all tests share: a home of its own for each, and an environment without the developer's settings."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import hypothesis
import pytest

from homeiq_assets.settings.variables import Settings, load

NO_ENV_FILE = Path(os.devnull)
PROJECT = Path(__file__).parents[1]
"""The folder with README, docs and `.env.example`."""

hypothesis.settings.register_profile("few", max_examples=20, deadline=None)
hypothesis.settings.register_profile("ci", max_examples=150, deadline=None)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "few"))


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    for name in ("INFLUX_TOKEN", "INFLUX_ORG", "INFLUX_BUCKET", "DAGSTER_HOME", "AWS_ENDPOINT_URL_S3"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOMEIQ_HOME", str(tmp_path / "homeiq"))


@pytest.fixture
def settings_of(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., Settings]:
    """Settings from environment variables given as keywords; HOMEIQ_HOME is a folder of the test's own."""

    def build(**variables: Any) -> Settings:
        monkeypatch.setenv("HOMEIQ_HOME", str(tmp_path / "homeiq"))
        for name, value in variables.items():
            monkeypatch.setenv(name, str(value))
        return load(NO_ENV_FILE)

    return build
