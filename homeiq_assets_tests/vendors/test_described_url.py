"""The URL that an owner writes: what its placeholders become, and what is told of one that makes no sense."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from homeiq_assets.errors import SettingError
from homeiq_assets.settings.variables import Settings
from homeiq_assets.vendors.described_url import Template
from homeiq_assets.window import Window, local_day

VIENNA = ZoneInfo("Europe/Vienna")
AUTUMN = local_day(date(2026, 10, 25), VIENNA)


@pytest.mark.parametrize(
    ("written", "asked"),
    [
        ("?from={start}&to={end}", "?from=2026-10-24T22:00:00Z&to=2026-10-25T23:00:00Z"),
        ("?from={start_s}&to={end_s}", "?from=1792879200&to=1792969200"),
        ("?from={start_ms}&to={end_ms}", "?from=1792879200000&to=1792969200000"),
        ("/{start_date}/{end_date}", "/2026-10-25/2026-10-25"),
        ("/{start_date:%Y/%m-%d}_AT.json", "/2026/10-25_AT.json"),
        ("?t={start:%Y%m%d%H%M}", "?t=202610242200"),
        ("?twice={start_date}{start_date}", "?twice=2026-10-252026-10-25"),
        ("/{key}/now", "/k%2F1%3F/now"),
    ],
)
def test_placeholders_become_the_times_of_a_day_of_25_hours(written: str, asked: str) -> None:
    template = Template("PRICING_URL", f"https://api.example.com/v1{written}")

    assert template.base_url == "https://api.example.com"
    assert template.path(AUTUMN, VIENNA, "k/1?") == f"/v1{asked}"


def test_the_last_date_is_the_last_that_the_window_touches() -> None:
    window = Window(datetime(2026, 10, 24, 22, tzinfo=UTC), datetime(2026, 10, 25, 23, 0, 1, tzinfo=UTC))

    assert Template("PRICING_URL", "https://a.example/{end_date}").path(window, VIENNA, "") == "/2026-10-26"


@pytest.mark.parametrize(
    ("url", "base_url", "path"),
    [
        ("https://a.example", "https://a.example", "/"),
        ("https://a.example?d={start_date}", "https://a.example", "/?d=2026-10-25"),
        ("HTTPS://a.example:8443/x", "https://a.example:8443", "/x"),
        ("http://192.168.1.5/a/b?c=%7Bd%7D", "http://192.168.1.5", "/a/b?c=%7Bd%7D"),
    ],
)
def test_scheme_and_host_are_told_from_the_rest(url: str, base_url: str, path: str) -> None:
    template = Template("METER_URL", url)

    assert (template.base_url, template.path(AUTUMN, VIENNA, "")) == (base_url, path)


@pytest.mark.parametrize(
    ("path", "problem"),
    [
        ("?from={begin}", r"\{begin\} is not known; known are \{start\}, \{end\}, .*\{key\}"),
        ("?from={}", r"\{\} is not known"),
        ('?q={"a":1}', "is not known.*a brace of the URL's own is written %7B"),
        ("?from={start", "a brace without its partner"),
        ("?from=start}", "a brace without its partner"),
        ("/{start_s:%Y}", "has a format that cannot be"),
        ("/{start_date:YYYY}", "has a format that cannot be"),
    ],
)
def test_a_url_that_makes_no_sense_names_its_setting(path: str, problem: str) -> None:
    with pytest.raises(SettingError, match=f"METER_URL: .*{problem}"):
        Template("METER_URL", f"https://a.example{path}")


@pytest.mark.parametrize(
    ("path", "asks_for_times", "day_by_day"),
    [
        ("/now?k={key}", False, False),
        ("/{start_date}", True, True),
        ("/?a={start}&b={end}", True, False),
        ("/?b={end_s}", True, False),
    ],
)
def test_a_url_tells_what_it_can_ask_for(path: str, asks_for_times: bool, day_by_day: bool) -> None:
    template = Template("METER_URL", f"https://a.example{path}")

    assert (template.asks_for_times, template.day_by_day) == (asks_for_times, day_by_day)


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("https://user:hidden-password@a.example/{start}", "must not hold a user or password"),
        ("https://{key}@a.example/{start}", "must not hold a user or password"),
        ("https://{key}.example.com/{start}", "must not hold a placeholder in its host"),
        ("https://a.example:{start_s}/", "must not hold a placeholder in its host"),
        ("http://a.example.com/{start}", "plain http is only allowed to loopback and private addresses"),
        ("ftp://a.example.com/{start}", "must be a URL that begins with https://"),
        ("a.example.com/{start}", "must be a URL that begins with https://"),
        ("https://a.example/#{start}", "must not hold #"),
        ("https://a.example/a b", "must not hold #, spaces"),
    ],
)
@pytest.mark.parametrize("name", ["PRICING_URL", "METER_URL"])
def test_an_address_that_must_not_be_is_refused_when_settings_are_read(
    name: str, url: str, problem: str, settings_of: Callable[..., Settings]
) -> None:
    told = settings_of(**{name: url}).problems[name]

    assert problem in told
    assert "hidden-password" not in told


def test_plain_http_is_allowed_within_the_home(settings_of: Callable[..., Settings]) -> None:
    assert settings_of(METER_URL="http://192.168.1.5:8080/api?from={start}").problems == {}
