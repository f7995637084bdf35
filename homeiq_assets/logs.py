"""One logging setup for assets, command line and services: a JSON object a line, without secrets.

Inside a run Dagster adds the run's id and keeps the lines with the run (see `python_logs` in
dagster.yaml).
"""

import logging
import sys
import warnings

from pythonjsonlogger.json import JsonFormatter

from homeiq_assets.redaction import install


def setup(level: int = logging.INFO) -> None:
    """Log this package's records to standard error as JSON; called once by each process's entry point."""
    install()
    # Dagster announces each beta parameter that is in use; the owner can do nothing about them.
    warnings.filterwarnings("ignore", message=".* is currently in beta")
    # These write whole URLs, query and all, at INFO.
    for name in ("httpx", "httpcore", "urllib3", "websockets"):
        logging.getLogger(name).setLevel(logging.WARNING)
    logger = logging.getLogger("homeiq_assets")
    logger.setLevel(logging.INFO)
    if not any(isinstance(handler.formatter, JsonFormatter) for handler in logger.handlers):
        handler = logging.StreamHandler(sys.stderr)
        handler.setLevel(level)
        handler.setFormatter(JsonFormatter("%(asctime)s %(levelname)s %(name)s %(message)s"))
        logger.addHandler(handler)
        logger.propagate = False
