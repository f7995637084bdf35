"""The command line: `homeiq demo`, `homeiq read`, `homeiq best`, `homeiq doctor`, `homeiq google-login`."""

import logging
import os
import sys
from pathlib import Path

import click

from homeiq_assets.cli.best import best
from homeiq_assets.cli.demo import demo
from homeiq_assets.cli.doctor import doctor
from homeiq_assets.cli.google_login import google_login
from homeiq_assets.cli.read import read
from homeiq_assets.errors import HomeiqError
from homeiq_assets.logs import setup
from homeiq_assets.redaction import redact
from homeiq_assets.settings.types import WORKSPACE, project_folder


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="homeiq-assets")
def homeiq() -> None:
    """The data platform of a Home Assistant home."""


for command in (demo, read, best, doctor, google_login):
    # Without one Click cuts the docstring's first sentence to a line; this it folds.
    command.short_help = (command.help or "").partition("\n")[0]
    homeiq.add_command(command)


def main() -> None:
    """Entry point: errors of ours are one line on standard error and exit status 1."""
    setup(logging.ERROR)
    here, nowhere = Path.cwd() / ".homeiq", not (project_folder() / WORKSPACE).is_file()
    new = nowhere and not os.environ.get("HOMEIQ_HOME") and not here.exists()
    try:
        homeiq(prog_name="homeiq", standalone_mode=False)
    except HomeiqError as error:
        sys.exit(f"homeiq: {redact(str(error))}")
    except click.exceptions.Abort:
        sys.exit("homeiq: stopped; run the same command again, it goes on where it was")
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    finally:
        if new and here.exists():
            why = f"no folder from here upwards holds {WORKSPACE} and HOMEIQ_HOME is not set"
            click.echo(f"homeiq: made the folder {here}, because {why}", err=True)
