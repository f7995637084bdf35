"""The home's time zone: resolved once, kept, and never changed behind the owner's back."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from homeiq_assets.errors import SettingError
from homeiq_assets.home import Home, open_home, resolve_home
from homeiq_assets.settings.variables import Settings
from homeiq_assets_tests.simulated_vendors.home_assistant import TOKEN, HomeAssistant


def test_without_any_setting_the_zone_is_utc_and_the_first_run_fixes_it(settings_of: Callable[..., Settings]) -> None:
    home = resolve_home(settings_of())

    assert home.zone.key == "UTC"
    assert not home.zone_said
    home.keep_zone()
    assert (home.settings.homeiq_home / "timezone").read_text() == "UTC\n"
    assert resolve_home(settings_of()).zone_said


def test_a_look_around_decides_nothing(settings_of: Callable[..., Settings]) -> None:
    resolve_home(settings_of())

    assert resolve_home(settings_of(HOMEIQ_TIMEZONE="Europe/Vienna")).zone.key == "Europe/Vienna"


def test_home_assistants_zone_is_kept_because_definitions_may_not_ask_it(
    settings_of: Callable[..., Settings],
) -> None:
    with HomeAssistant(datetime(2026, 11, 24, tzinfo=UTC), {}) as vendor:
        settings = settings_of(HOME_ASSISTANT_URL=vendor.url, HOME_ASSISTANT_TOKEN=TOKEN)
        assert resolve_home(settings).zone.key == "Europe/Vienna"

    assert open_home(settings).zone.key == "Europe/Vienna"


def test_a_later_change_of_the_zone_is_refused_and_the_days_stay_what_they_were(
    settings_of: Callable[..., Settings],
) -> None:
    resolve_home(settings_of(HOMEIQ_TIMEZONE="Europe/Vienna")).keep_zone()

    changed = open_home(settings_of(HOMEIQ_TIMEZONE="Asia/Kolkata"))

    assert changed.zone.key == "Europe/Vienna"
    with pytest.raises(SettingError, match=r"HOMEIQ_TIMEZONE: is Asia/Kolkata, but .* cut in Europe/Vienna"):
        changed.require_zone()


def test_a_zone_that_does_not_exist_is_named_and_nothing_is_kept(settings_of: Callable[..., Settings]) -> None:
    with pytest.raises(SettingError, match="HOMEIQ_TIMEZONE"):
        resolve_home(settings_of(HOMEIQ_TIMEZONE="Mars/Olympus"))
    assert not (settings_of().homeiq_home / "timezone").exists()


def test_definitions_never_ask_home_assistant_for_the_zone(settings_of: Callable[..., Settings]) -> None:
    nobody_answers = settings_of(HOME_ASSISTANT_URL="http://127.0.0.1:9", HOME_ASSISTANT_TOKEN="secret-token")

    home = open_home(nobody_answers)

    with pytest.raises(SettingError, match=r"HOMEIQ_TIMEZONE.*homeiq doctor"):
        home.require_zone()
    with pytest.raises(SettingError, match=r"HOMEIQ_TIMEZONE.*could not be asked"):
        resolve_home(nobody_answers)


def test_a_folder_that_cannot_be_written_is_named(settings_of: Callable[..., Settings]) -> None:
    settings = settings_of()
    settings.homeiq_home.write_text("a file where the folder should be")

    with pytest.raises(SettingError, match="HOMEIQ_HOME"):
        resolve_home(settings).keep_zone()


@pytest.mark.parametrize("content", [b"", b"Europe/Vie\n", b"\xff\xfe\x00", b"../etc"])
def test_a_damaged_kept_zone_stops_everything_and_stays_what_it_is(
    content: bytes, settings_of: Callable[..., Settings]
) -> None:
    file = settings_of().homeiq_home / "timezone"
    file.parent.mkdir()
    file.write_bytes(content)

    for settings in (settings_of(), settings_of(HOMEIQ_TIMEZONE="Asia/Kolkata")):
        home = open_home(settings)
        assert str(file) in (home.zone_problem or "")
        with pytest.raises(SettingError, match=r"HOMEIQ_HOME.* is damaged.* back into it"):
            home.keep_zone()
        with pytest.raises(SettingError, match="is damaged"):
            resolve_home(settings)
    assert file.read_bytes() == content


def test_a_kept_zone_that_cannot_be_read_does_not_count_as_none(settings_of: Callable[..., Settings]) -> None:
    (settings_of().homeiq_home / "timezone").mkdir(parents=True)

    with pytest.raises(SettingError, match=r"HOMEIQ_HOME\), which cannot be read \(Is a directory\)"):
        resolve_home(settings_of(HOMEIQ_TIMEZONE="Europe/Vienna"))


def test_of_two_first_runs_at_once_both_succeed(settings_of: Callable[..., Settings]) -> None:
    homes = [open_home(settings_of(HOMEIQ_TIMEZONE="Europe/Vienna")) for _ in range(8)]
    together = threading.Barrier(len(homes))
    failures: list[Exception] = []

    def keep(home: Home) -> None:
        together.wait()
        try:
            home.keep_zone()
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=keep, args=(home,)) for home in homes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert failures == []
    assert (homes[0].settings.homeiq_home / "timezone").read_text() == "Europe/Vienna\n"
    assert not list(homes[0].settings.homeiq_home.glob("timezone?*[!k]"))


def test_of_two_first_runs_with_different_zones_the_later_is_refused(settings_of: Callable[..., Settings]) -> None:
    one = open_home(settings_of(HOMEIQ_TIMEZONE="Europe/Vienna"))
    other = open_home(settings_of(HOMEIQ_TIMEZONE="Asia/Kolkata"))
    one.keep_zone()

    with pytest.raises(SettingError, match=r"HOMEIQ_TIMEZONE: is Asia/Kolkata, but .* cut in Europe/Vienna"):
        other.keep_zone()
    assert (one.settings.homeiq_home / "timezone").read_text() == "Europe/Vienna\n"
