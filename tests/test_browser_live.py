"""Pages stay right while they are open: what others do is seen, and what one does oneself is kept."""

import time
from collections.abc import Callable

from playwright.sync_api import Page, expect

from kuberpult_core import CreateLock, Deploy, Target
from tests.browser import Shop, Visitors
from tests.served import PATIENCE
from tests.visitor import MILLISECONDS

SOON = 1.0
"""Seconds after which others have seen it."""
TRIES = 3
"""The machine may be busy with other things; one of so many has to be in time."""


CELL = "tr[data-live-id=cart] td:nth-child(4)"
"""Where the matrix of the small world says which version of cart is on production."""


def version_on_production(page: Page, version: int) -> None:
    """Wait until cart is shown in that version."""
    expect(page.locator(f"{CELL} .version")).to_have_text(str(version), timeout=PATIENCE * MILLISECONDS)


def seconds_until_seen(change: Callable[[int], object], page: Page) -> list[float]:
    """How long it takes each time until what *change* does is shown on *page*."""
    found = []
    for number in range(TRIES):
        version = 2 - number % 2
        change(version)
        started = time.monotonic()
        version_on_production(page, version)
        found.append(time.monotonic() - started)
    return found


def test_what_one_does_by_clicking_another_sees_within_a_second(shop: Shop, visitors: Visitors) -> None:
    ada, ben = visitors(shop.service).page, visitors(shop.service).open("/")

    def deploy(version: int) -> None:
        ada.goto(f"{shop.service.url}/plan?kind=Deploy&environment=production&application=cart&version={version}")
        ada.get_by_role("button", name="Run exactly this plan").click()
        expect(ada.get_by_role("status").first).to_contain_text("Done:")

    taken = seconds_until_seen(deploy, ben)
    assert min(taken) < SOON, taken
    version_on_production(ada, 2)


def test_what_a_program_does_is_seen_within_a_second(shop: Shop, visitors: Visitors) -> None:
    page = visitors(shop.service).open("/")
    taken = seconds_until_seen(lambda version: shop.apply(Deploy("production", "cart", version)), page)
    assert min(taken) < SOON, taken


def test_what_the_command_line_does_is_seen_too(shop: Shop, visitors: Visitors) -> None:
    page = visitors(shop.service).open("/")
    taken = seconds_until_seen(lambda version: shop.run("deploy", "cart", "production", str(version)), page)
    assert min(taken) < SOON, taken


def test_only_the_row_that_changed_is_exchanged_and_the_focus_stays(shop: Shop, visitors: Visitors) -> None:
    page = visitors(shop.service).open("/")
    page.evaluate("for (const row of document.querySelectorAll('tbody tr')) row.kept = true")
    page.locator(f"{CELL} a").focus()
    shop.apply(Deploy("production", "cart", 2))
    version_on_production(page, 2)
    kept = "[...document.querySelectorAll('tbody tr')].map((row) => [row.dataset.liveId, Boolean(row.kept)])"
    assert page.evaluate(kept) == [["cart", False], ["search", True]]
    assert page.evaluate("document.activeElement.closest('tr').dataset.liveId") == "cart"


def test_a_lock_of_somebody_else_comes_with_the_whole_page(shop: Shop, visitors: Visitors) -> None:
    page = visitors(shop.service).open("/")
    shop.apply(CreateLock(Target("production"), "freeze", "Stop"))
    expect(page.locator(".environments .locked")).to_have_count(1)


def test_who_goes_back_sees_what_has_happened_meanwhile(shop: Shop, visitors: Visitors) -> None:
    page = visitors(shop.service).open("/?app=car")
    page.get_by_role("link", name="Planned").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Planned actions")
    shop.apply(Deploy("production", "cart", 2))
    page.go_back()
    version_on_production(page, 2)
    assert page.get_by_label("Name").input_value() == "car"
    page.go_forward()
    expect(page.get_by_role("heading", level=1)).to_have_text("Planned actions")


def test_filters_work_as_one_types_and_the_address_can_be_shared(shop: Shop, visitors: Visitors) -> None:
    visitor = visitors(shop.service)
    page = visitor.open("/")
    page.get_by_label("Name").press_sequentially("sea")
    expect(page.locator("tbody tr")).to_have_count(1)
    assert page.locator("tbody tr").inner_text().startswith("search")
    assert visitor.path == "/?app=sea"
    assert page.evaluate("document.activeElement.name") == "app"  # who types goes on typing
    other = visitors(shop.service).open(visitor.path)
    assert other.locator("tbody").inner_text() == page.locator("tbody").inner_text()
    page.get_by_label("Name").fill("")
    expect(page.locator("tbody tr")).to_have_count(2)
    page.get_by_label("Show").select_option("behind")
    page.wait_for_url("**/?show=behind")


def test_a_filter_stays_when_something_is_published(shop: Shop, visitors: Visitors) -> None:
    page = visitors(shop.service).open("/")
    page.get_by_label("Name").press_sequentially("cart")
    expect(page.locator("tbody tr")).to_have_count(1)
    shop.apply(Deploy("production", "search", 2), Deploy("production", "cart", 2))
    version_on_production(page, 2)
    assert page.locator("tbody tr").count() == 1


def test_filters_work_on_after_the_whole_page_was_exchanged(shop: Shop, visitors: Visitors) -> None:
    page = visitors(shop.service).open("/")
    shop.apply(CreateLock(Target("production"), "freeze", "Stop"))
    expect(page.locator(".environments .locked")).to_have_count(1)
    page.get_by_label("Name").press_sequentially("sea")
    expect(page.locator("tbody tr")).to_have_count(1)
    page.wait_for_url("**/?app=sea")


def test_what_moves_moves_only_for_those_who_like_it(shop: Shop, visitors: Visitors) -> None:
    lively, calm = visitors(shop.service).open("/"), visitors(shop.service, calm=True).open("/")
    shop.apply(Deploy("production", "cart", 2))
    moving = []
    for page in (lively, calm):
        version_on_production(page, 2)
        moving.append(
            page.locator("tr[data-live-id=cart]").evaluate("(row) => getComputedStyle(row).animationName")
        )
    assert moving == ["fresh", "none"]
    animated = "document.getAnimations().length"
    assert calm.evaluate(animated) == 0
