"""Small files a provider keeps between runs: a session's token, a fact looked up once a month.

Each is private to the owner (mode 0600) and replaced whole; losing one costs a call to the vendor.
"""

import logging
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, TypeVar

from pydantic import AwareDatetime, BaseModel, Field, ValidationError

from homeiq_assets.files import replace_file

logger = logging.getLogger(__name__)
Model = TypeVar("Model", bound=BaseModel)
Instant = Annotated[AwareDatetime, Field(ge=datetime(2000, 1, 1, tzinfo=UTC), le=datetime(2200, 1, 1, tzinfo=UTC))]
"""An instant in what is kept; one in a damaged file may be such that no hour can be added to it."""


def read(path: Path, model: type[Model]) -> Model | None:
    """What was kept; None where nothing was, or nothing readable."""
    try:
        return model.model_validate_json(path.read_bytes())
    except (OSError, ValidationError):
        return None


def write(path: Path, content: BaseModel) -> None:
    """Keep `content`. Where the disk refuses, a warning is logged and the run goes on without."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        replace_file(path, content.model_dump_json().encode())
    except OSError as error:
        logger.warning("%s cannot be written (%s); the vendor is asked again next time", path, error.strerror)
