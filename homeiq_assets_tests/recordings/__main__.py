"""`python -m homeiq_assets_tests.recordings`: the vendors at work on loopback, as if the recorded days were now.

Prints the settings that lead to them, for an `.env`, and serves until it is stopped. The recordings are moved by
whole weeks, so that today is four to eleven days into them.
"""

import sys
import time
from datetime import UTC, datetime, timedelta

from homeiq_assets_tests.recordings import served

BEGAN = datetime(2023, 6, 8, tzinfo=UTC)
WEEK = timedelta(weeks=1)


def main() -> None:
    """Serve until interrupted."""
    now = datetime.now(UTC)
    shift = (now - BEGAN - timedelta(days=4)) // WEEK * WEEK
    with served(now, shift) as vendors:
        for name, value in vendors.settings.items():
            sys.stdout.write(f"{name}={value}\n")
        sys.stdout.flush()
        while True:
            time.sleep(1)
            now = datetime.now(UTC)
            vendors.awattar.now = vendors.watttime.now = vendors.home_assistant.now = now


if __name__ == "__main__":
    main()
