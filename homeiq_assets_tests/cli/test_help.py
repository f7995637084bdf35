"""What `homeiq` says of itself: help that is whole on narrow terminals too, and its version."""

from importlib.metadata import version

import click
import pytest

from homeiq_assets.cli import homeiq as group
from homeiq_assets_tests.cli.test_read import Run


@pytest.mark.parametrize("columns", ["50", "60", "80", "200"])
def test_the_list_of_commands_has_each_first_line_whole(
    columns: str, homeiq: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", columns)

    found = homeiq("--help")

    assert (found.status, found.err) == (0, "")
    assert max(map(len, found.lines)) <= int(columns)
    assert "..." not in found.out.replace("[ARGS]...", "")
    told = " ".join(found.out.split())
    for command in group.commands.values():
        assert (command.help or "").partition("\n")[0] in told


@pytest.mark.parametrize("columns", ["60", "80"])
@pytest.mark.parametrize("name", sorted(group.commands))
def test_the_help_of_each_command_has_every_option_whole(
    name: str, columns: str, homeiq: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", columns)

    found = homeiq(name, "--help")

    assert found.status == 0
    assert max(map(len, found.lines)) <= int(columns)
    told = " ".join(found.out.split())
    for option in group.commands[name].params:
        if isinstance(option, click.Option):
            assert option.opts[-1] in told
            assert (option.help or "") in told


def test_its_version_is_that_of_the_installed_package(homeiq: Run) -> None:
    found = homeiq("--version")

    assert (found.status, found.out, found.err) == (0, f"homeiq, version {version('homeiq-assets')}\n", "")
