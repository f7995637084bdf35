"""What docs/generic.md shows is what works: its tariffs and its examples, read as they stand in an `.env`."""

import re
from pathlib import Path

import jmespath
import pytest

from homeiq_assets.feeds.pricing import tariff
from homeiq_assets.settings.variables import load
from homeiq_assets.vendors.described_url import KNOWN, Template
from homeiq_assets_tests.conftest import PROJECT

TEXT = (PROJECT / "docs" / "generic.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"(?:^    [A-Z_]+=.*\n)+", TEXT, re.MULTILINE)
TARIFFS = re.findall(r"^\| [a-z][^|]* \| `([0-9](?:[^|`]|\\\|)*|mon[^`]*)` \|$", TEXT, re.MULTILINE)


@pytest.mark.parametrize("example", EXAMPLES)
def test_an_example_is_read_as_it_stands(example: str, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text(re.sub("^ +", "", example, flags=re.MULTILINE))

    settings = load(tmp_path / ".env")

    assert settings.problems == {}
    name, url, expression = (
        ("PRICING_URL", settings.pricing_url, settings.pricing_jmespath)
        if settings.pricing_provider
        else ("METER_URL", settings.meter_url, settings.meter_jmespath)
    )
    assert url is not None
    assert expression is not None
    assert Template(name, url).asks_for_times
    written = example.split("_JMESPATH=")[1].splitlines()[0]
    assert expression == written
    assert jmespath.compile(expression)


def test_all_examples_and_tariffs_are_found() -> None:
    assert (len(EXAMPLES), len(TARIFFS)) == (4, 6)


@pytest.mark.parametrize("text", TARIFFS)
def test_a_tariff_of_the_table_is_one(text: str) -> None:
    assert tariff.read(text.replace(r"\|", "|")).parts


@pytest.mark.parametrize("name", KNOWN)
def test_every_placeholder_is_explained(name: str) -> None:
    assert f"`{{{name}}}`" in TEXT
