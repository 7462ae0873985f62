"""The whole story, by clicking: a release, a lock, what waits, the plan of the unlock, a train, and an undo."""

import pytest
from playwright.sync_api import Page, expect

from tests.browser import Shop, Visitors
from tests.messy import release

RUN = "Run exactly this plan"
PRODUCTION = 4
"""The column of production in the matrix of the small world."""


def run(page: Page) -> str:
    """Carry out the plan that is shown; what the next page says was done."""
    page.get_by_role("button", name=RUN).click()
    done = page.get_by_role("status").first
    expect(done).to_contain_text("Done:")
    return done.inner_text()


def in_matrix(page: Page, application: str, environment: int) -> str:
    """What a cell of the overview says, on one line."""
    page.get_by_role("link", name="Overview", exact=True).click()
    cell = page.locator(f"tr[data-live-id={application}] > :nth-child({environment})")
    return " ".join(cell.inner_text().split())


@pytest.mark.parametrize(("width", "scripts"), [(1280, True), (360, False)], ids=["wide", "narrow-no-scripts"])
def test_a_release_is_locked_out_waits_is_let_in_goes_by_train_and_is_taken_back(
    width: int, scripts: bool, shop: Shop, visitors: Visitors
) -> None:
    visitor = visitors(shop.service, width, scripts=scripts)
    page = visitor.open("/")

    # somebody locks staging, with a form
    page.get_by_role("link", name="Locks & queue").click()
    page.get_by_text("Create a lock").click()
    page.get_by_label("Environment", exact=True).last.select_option("staging")
    page.get_by_label("Lock id", exact=True).fill("load-test")
    page.get_by_label("Why").fill("Until the load test is over")
    page.get_by_label("Expires", exact=True).fill("4h")
    page.get_by_role("button", name="See the plan").click()
    expect(page.locator("main .facts")).to_contain_text("lock/staging/load-test")
    assert "load-test" in run(page)

    # a train to staging finds it locked: what it brings waits
    page.get_by_role("link", name="Trains").click()
    page.get_by_role("button", name="Plan a train to staging").click()
    expect(page.locator("main")).to_contain_text("will wait")
    expect(page.locator("main")).to_contain_text("Until the load test is over")
    run(page)

    # CI hands in a release, which goes to the first environment by itself
    shop.apply(release("cart", 3, ("staging", "production"), source_message="The third"))
    assert in_matrix(page, "cart", 2).startswith("3")
    waiting = in_matrix(page, "cart", 3)
    assert waiting.startswith("1")
    assert "→ 2" in waiting

    # the lock's page says what waits behind it, and the plan of its end what that deploys
    page.get_by_role("link", name="Locks & queue").click()
    expect(page.locator("main")).to_contain_text("2 versions wait behind it:")
    page.get_by_role("link", name="Delete and deploy what waits").click()
    for name in ("cart", "search"):
        expect(page.locator("main .facts")).to_contain_text(f"{name} on staging 1 → 2 (the last lock is gone)")
    run(page)
    expect(page.locator("main")).to_contain_text("Nothing is locked.")
    assert in_matrix(page, "cart", 3).startswith("2")

    # a train to production, by its plan
    page.get_by_role("link", name="Trains").click()
    page.get_by_role("button", name="Plan a train to production").click()
    expect(page.locator("table.train tbody tr")).to_have_count(2)
    run(page)
    assert in_matrix(page, "cart", PRODUCTION).startswith("2")

    # and it is taken back
    page.get_by_role("link", name="Activity").click()
    page.get_by_role("link", name="Undo").first.click()
    expect(page.locator("main .facts")).to_contain_text("cart on production 2 → 1")
    run(page)
    assert in_matrix(page, "cart", PRODUCTION).startswith("1")
    assert in_matrix(page, "cart", 3).startswith("2")
    assert len(shop.commits) == 9 + 6


def test_a_service_is_deployed_locked_and_rolled_back_from_its_page(shop: Shop, visitors: Visitors) -> None:
    page = visitors(shop.service).open("/")
    page.locator("tr[data-live-id=cart] th a").click()
    page.get_by_role("link", name="Change… production").click()
    page.locator("#deploy").get_by_label("Release").select_option("2")
    page.locator("#deploy").get_by_role("button", name="See the plan").click()
    run(page)
    page.get_by_role("link", name="Roll back to 1").click()
    expect(page.locator("main .facts")).to_contain_text("cart on production 2 → 1")
    run(page)
    form = page.locator("form", has=page.get_by_role("heading", name="Lock it here"))
    form.get_by_label("Lock id").fill("incident-42")
    form.get_by_label("Why").fill("It burns")
    form.get_by_role("button", name="See the plan").click()
    run(page)
    expect(page.locator("#chosen")).to_contain_text("incident-42")
    assert "locked" in in_matrix(page, "cart", PRODUCTION)
