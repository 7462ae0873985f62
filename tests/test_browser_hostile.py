"""Whatever a repository holds stays text on the pages: it runs nothing, leads nowhere and turns nothing around."""

import re

import pytest
from playwright.sync_api import expect

from kuberpult_core import CreateLock, Target
from kuberpult_http.ui.pages import PAGES
from tests.browser import Shop, Visitors
from tests.messy import HOSTILE, IMAGE, LONGEST_APP, SCRIPT
from tests.served import Served

_LOCK = "/plan?kind=DeleteLock&target.environment=production&lock_id="
ADDRESSES = {
    "/": ("/", "/?app=%3Cscript%3Ealert(1)%3C/script%3E", "/?team=%22%3E%3Cimg%20src=x%20onerror=alert(1)%3E"),
    "/plan": (
        "/plan?kind=Deploy&environment=production&application=cart&version=1&diff=true&lock_behavior=ignore",
        "/plan?kind=ReleaseTrain&target=production&diff=true",
        f"{_LOCK}freeze&back=javascript:alert(1)",
        f"{_LOCK}%3Cimg%20src=x%20onerror=alert(1)%3E&back=//elsewhere.example.com",
    ),
    "/planned": ("/planned",),
    "/applications/{app}": (
        "/applications/cart?env=production",
        "/applications/cart?env=staging&version=2",
        "/applications/%3Cscript%3Ealert(1)%3Cscript%3E",
    ),
    "/applications/{app}/releases/{version}": (
        "/applications/cart/releases/1",
        "/applications/cart/releases/2?show=manifests",
        "/applications/cart/releases/1?show=environments",
    ),
    "/environments": ("/environments",),
    "/environments/{env}": ("/environments/production", "/environments/staging", "/environments/%3Ci%3E"),
    "/environments/{env}/compare": ("/environments/staging/compare?with=production&manifests=true",),
    "/trains": ("/trains", "/trains?target=production&diff=true&back=javascript:alert(1)"),
    "/locks": ("/locks", "/locks?env=%22%3E%3Csvg%20onload=alert(1)%3E"),
    "/activity": ("/activity", "/activity?author=%3Cscript%3E&env=%22onfocus=alert(1)%20autofocus=%22"),
    "/activity/{commit}": ("/activity/HEAD?diff=true&asked=true",),
}
"""For each page, addresses that show what is hostile."""
UNSEEN = re.compile("[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200b-\u200f\u202a-\u202e\u2066-\u2069]")
HREFS = "[...document.querySelectorAll('a[href], form[action]')].map((it) => it.href ?? it.action)"


def test_each_page_has_an_address_here() -> None:
    assert {path for path, _ in PAGES} == ADDRESSES.keys()


@pytest.mark.parametrize("address", [it for those in ADDRESSES.values() for it in those])
def test_what_is_hostile_stays_text(address: str, visitors: Visitors, hostile_service: Served) -> None:
    visitor = visitors(hostile_service, 360)
    visitor.expect_refusals()
    page = visitor.open(address)
    assert page.evaluate("window.owned === undefined")
    assert page.locator("main script, main svg, main img, main iframe, main [onerror], main [onload]").count() == 0
    leading = page.evaluate(HREFS)
    assert all(it.startswith((f"{hostile_service.url}/", "https://example.com/")) for it in leading), leading
    assert not UNSEEN.findall(page.locator("body").inner_text().replace("\u202f", " "))
    assert visitor.overflow() <= 0


def test_a_message_that_commands_allow_is_shown_as_it_is(visitors: Visitors, shop: Shop) -> None:
    name = "<img src=x onerror=alert(1)>"
    shop.apply(CreateLock(Target("production"), name, f"{SCRIPT} {IMAGE}", "https://example.com/?a=<b>&c='"))
    page = visitors(shop.service).open(f"{_LOCK}{name.replace('=', '%3D')}")
    expect(page.locator("main")).to_contain_text(name)
    page.get_by_role("button", name="Run exactly this plan").click()
    expect(page.get_by_role("status").first).to_contain_text(name)
    assert page.evaluate("window.owned === undefined")


def test_a_name_as_long_as_they_come_fits(visitors: Visitors, messy_service: Served) -> None:
    visitor = visitors(messy_service, 360)
    page = visitor.open(f"/?app={LONGEST_APP}")
    expect(page.locator("tbody th a")).to_have_text(LONGEST_APP)
    expect(page.get_by_label("Name")).to_have_value(LONGEST_APP)
    assert visitor.overflow() <= 0


@pytest.mark.parametrize("field", ["app", "team", "show", "env", "at", "page"])
def test_what_an_address_says_is_never_believed(field: str, visitors: Visitors, messy_service: Served) -> None:
    visitor = visitors(messy_service)
    visitor.expect_refusals()
    page = visitor.page
    page.goto(f"{messy_service.url}/?{field}={HOSTILE[:150].replace('#', '%23').replace('&', '%26')}")
    assert page.evaluate("window.owned === undefined")
    assert page.locator("main script, main svg, main img").count() == 0
