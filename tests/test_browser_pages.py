"""Every page in a real browser, wide and narrow, light and dark: nothing goes wrong, anybody can use it."""

import re

import pytest

from kuberpult_http.ui.pages import PAGES
from tests.browser import Visitors
from tests.depth import IS_DEEP
from tests.messy import LONG_APP, LONG_ENVIRONMENT, LONGEST_APP
from tests.served import Served
from tests.visitor import HEIGHT, NARROW, WIDE

_TRAIN = "/plan?kind=ReleaseTrain&target=production"
_DEPLOY = f"/plan?kind=Deploy&environment=production&application={LONG_APP}&version=3"
EXAMPLES: dict[str, tuple[str, ...]] = {
    "/": ("/", "/?show=waiting", "/?app=nothing-is-called-so", "/?at=HEAD~3"),
    "/plan": (
        f"{_TRAIN}&back=%2F%3Fshow%3Dwaiting",
        "/plan?kind=DeleteLock&target.environment=production&target.application=cart&lock_id=soak&diff=true",
        f"{_DEPLOY}&lock_behavior=ignore&lock.lock_id=mine&lock.message=Because&diff=true",
    ),
    "/planned": ("/planned",),
    "/applications/{app}": (
        "/applications/search",
        f"/applications/cart?env={LONG_ENVIRONMENT}",
        f"/applications/{LONGEST_APP}?env=staging",
    ),
    "/applications/{app}/releases/{version}": (
        "/applications/cart/releases/3",
        "/applications/search/releases/4?show=manifests",
        "/applications/search/releases/4?show=environments",
    ),
    "/environments": ("/environments",),
    "/environments/{env}": ("/environments/production", "/environments/sandbox", "/environments/broken"),
    "/environments/{env}/compare": (
        "/environments/staging/compare?with=production&manifests=true",
        "/environments/sandbox/compare",
    ),
    "/trains": ("/trains", "/trains?target=production", "/trains?group=live&diff=true"),
    "/locks": ("/locks", "/locks?env=production&app=cart", "/locks?at=HEAD~9"),
    "/activity": ("/activity", "/activity?app=cart&env=production"),
    "/activity/{commit}": ("/activity/HEAD~1", "/activity/HEAD~6?diff=true&asked=true"),
}
"""For each page of the service, addresses that show it at work in the messy world."""
ADDRESSES = [address for path, _ in PAGES for address in EXAMPLES.get(path, ())]
SAFE = {"default-src 'none'", "script-src 'self'", "style-src 'self'", "img-src 'self'", "connect-src 'self'"}
TAKEN = re.compile(r"<(?:script|img|link|iframe)\b[^>]*?\b(?:src|href)=[\"']?([^\"'\s>]+)")
INLINE = re.compile(r"<style|<script(?![^>]*\bsrc=)|<[^>]*\s(?:style|on\w+)=")


def test_each_page_has_an_example_here() -> None:
    assert {path for path, _ in PAGES} == EXAMPLES.keys()


@pytest.mark.parametrize("address", ADDRESSES)
def test_nobody_is_shut_out_of_a_page_at_any_width_in_any_light(
    address: str, visitors: Visitors, messy_service: Served
) -> None:
    visitor = visitors(messy_service)
    page = visitor.open(address)
    found = []
    for width in (WIDE, NARROW):
        page.set_viewport_size({"width": width, "height": HEIGHT})
        if IS_DEEP or width == (WIDE, NARROW)[ADDRESSES.index(address) % 2]:
            found += [f"{width} light: {it}" for it in visitor.violations()]
        assert visitor.overflow() <= 0, f"at {width} the page has to be scrolled sideways"
    page.emulate_media(color_scheme="dark")
    found += [f"{NARROW} dark: {it}" for it in visitor.violations(*(() if IS_DEEP else ("color-contrast",)))]
    assert not found, "\n".join(found)
    assert page.locator(".top nav ul").evaluate("(it) => it.scrollWidth <= it.clientWidth"), (
        "places are out of sight"
    )
    assert page.locator("h1").count() == page.locator("main").count() == 1


@pytest.mark.parametrize("address", ADDRESSES)
def test_a_page_takes_nothing_from_elsewhere_and_nothing_inline(address: str, messy_service: Served) -> None:
    with messy_service.client() as client:
        answer = client.get(address, headers={"Accept": "text/html"})
    policy = answer.headers["Content-Security-Policy"]
    assert {it.strip() for it in policy.split(";")} >= SAFE
    assert "unsafe" not in policy
    assert all(it.startswith("/assets/") for it in TAKEN.findall(answer.text))
    assert not INLINE.search(answer.text)


@pytest.mark.parametrize("address", [EXAMPLES[path][0] for path, _ in PAGES if path in EXAMPLES])
def test_without_scripts_a_page_says_the_same(address: str, visitors: Visitors, messy_service: Served) -> None:
    with_scripts = visitors(messy_service).open(address)
    without = visitors(messy_service, scripts=False).open(address)
    assert without.locator("main").inner_text() == with_scripts.locator("main").inner_text()
    assert without.title() == with_scripts.title()
    assert without.locator("[data-opens]:visible").count() == 0  # what cannot work is not offered


@pytest.mark.parametrize("address", ["/", "/planned"])
def test_an_empty_repository_is_shown_in_peace(address: str, visitors: Visitors, empty_service: Served) -> None:
    visitor = visitors(empty_service, NARROW)
    page = visitor.open(address)
    assert page.locator("main .empty").count() == 1
    assert not visitor.violations()
    assert visitor.overflow() <= 0


@pytest.mark.parametrize(
    ("address", "status"),
    [
        ("/?at=no-such-time", 404),
        ("/plan?kind=Deploy&environment=nowhere&application=cart&version=1", 404),
        ("/plan?kind=Deploy&environment=production", 422),
        ("/plan?kind=Nonsense", 422),
    ],
)
def test_a_refusal_is_a_sentence_on_a_page(
    address: str, status: int, visitors: Visitors, messy_service: Served
) -> None:
    visitor = visitors(messy_service)
    visitor.expect(rf"^console: .*{status}", rf"^answer: {status}")
    page = visitor.open(address)
    assert page.get_by_role("alert").inner_text().strip().endswith(".")
    assert not visitor.violations()
