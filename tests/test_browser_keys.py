"""Everything by keyboard, as somebody without a mouse does it."""

import pytest
from playwright.sync_api import Page, expect

from kuberpult_http.ui.pages import PAGES
from tests.browser import Visitors
from tests.served import Served

OUTLINE = """
() => {
  const active = document.activeElement;
  const isOwn = active.matches("[type=datetime-local]") && !active.matches(":focus-visible");
  if (active === document.body || isOwn) return null;
  const style = getComputedStyle(active);
  return style.outlineStyle === "none" ? 0 : parseFloat(style.outlineWidth);
}
"""
"""How wide the line is around what has the focus; none for the page, and for the button in a date field, which the
browser marks itself."""
IS_SEEN = """
() => {
  const [active, box] = [document.activeElement, document.activeElement.getBoundingClientRect()];
  return active.contains(document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2));
}
"""
GOING = {"o": "/", "e": "/environments", "t": "/trains", "l": "/locks", "a": "/activity", "p": "/planned"}
"""Where ``g`` and a letter lead."""
THERE = {path for path, _ in PAGES}


def focused(page: Page) -> str:
    """The text of what has the focus."""
    return str(page.evaluate("document.activeElement.innerText || document.activeElement.id"))


def where(page: Page) -> tuple[str, int]:
    """The row and the column of the matrix in which the focus is."""
    cell = "document.activeElement.closest('th, td')"
    row, column = page.evaluate(f"[{cell}.parentElement.dataset.liveId, {cell}.cellIndex]")
    return str(row), int(column)


def test_a_slash_searches_and_what_is_typed_there_is_text(visitors: Visitors, messy_service: Served) -> None:
    page = visitors(messy_service).open("/planned")
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.id") == "search"
    page.keyboard.type("g?/mailer")
    assert page.locator("#search").input_value() == "g?/mailer"
    assert not page.locator("#help").is_visible()
    page.locator("#search").fill("mail")
    page.keyboard.press("Enter")
    page.wait_for_url("**/?app=mail")
    expect(page.locator("tbody tr")).to_have_count(1)


def test_arrows_walk_through_the_matrix_and_enter_opens(visitors: Visitors, messy_service: Served) -> None:
    page = visitors(messy_service).open("/")
    page.keyboard.press("ArrowDown")
    first = where(page)[0]
    assert where(page) == (first, 0)
    page.keyboard.press("ArrowDown")
    assert where(page) == ("cart", 0)
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    assert where(page) == ("cart", 2)
    page.keyboard.press("ArrowDown")  # loner is not there: the next below that is
    assert where(page) == ("mailer", 2)
    page.keyboard.press("ArrowUp")
    assert where(page) == ("cart", 2)
    for _ in range(9):
        page.keyboard.press("ArrowLeft")
    assert where(page) == ("cart", 0)
    page.evaluate("document.activeElement.setAttribute('href', '/planned')")
    page.keyboard.press("Enter")
    page.wait_for_url("**/planned")


def test_what_the_arrows_reach_can_be_seen(visitors: Visitors, messy_service: Served) -> None:
    page = visitors(messy_service, 360).open("/")
    for key in ["ArrowDown"] * 6 + ["ArrowRight"] * 4:
        page.keyboard.press(key)
    assert where(page)[1] == 4
    assert page.evaluate(IS_SEEN)


def test_a_question_mark_helps_and_escape_closes_it(visitors: Visitors, messy_service: Served) -> None:
    page = visitors(messy_service).open("/")
    page.locator("tbody a").first.focus()
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keys")).to_be_visible()
    assert focused(page) == "Close"
    page.keyboard.press("/")  # not while it is open
    assert focused(page) == "Close"
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    assert page.evaluate("document.activeElement.closest('tbody') !== null")  # back to where one was
    page.get_by_role("button", name="Keys").click()
    expect(page.get_by_role("dialog", name="Keys")).to_be_visible()


@pytest.mark.parametrize(("letter", "address"), [it for it in GOING.items() if it[1] in THERE])
def test_g_and_a_letter_go_somewhere(letter: str, address: str, visitors: Visitors, messy_service: Served) -> None:
    page = visitors(messy_service).open("/plan?kind=ReleaseTrain&target=staging")
    page.keyboard.press("g")
    page.keyboard.press(letter)
    page.wait_for_url(f"{messy_service.url}{address}")
    expect(page.locator("nav [aria-current=page]")).to_have_count(1)


def test_g_and_a_letter_stay_in_the_past(visitors: Visitors, messy_service: Served) -> None:
    page = visitors(messy_service).open("/?at=HEAD~2&show=waiting")
    page.keyboard.press("g")
    page.keyboard.press("o")
    page.wait_for_url(f"{messy_service.url}/?at=HEAD~2")
    expect(page.locator(".banner.past")).to_contain_text("Nothing can be changed here")


def test_the_first_stop_leads_past_the_heads(visitors: Visitors, messy_service: Served) -> None:
    page = visitors(messy_service).open("/")
    page.keyboard.press("Tab")
    assert focused(page) == "Skip to the content"
    expect(page.locator(".skip")).to_be_in_viewport()
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.closest('main') !== null")


@pytest.mark.parametrize("address", ["/", "/plan?kind=ReleaseTrain&target=production", "/planned"])
def test_one_sees_where_one_is_at_every_stop(address: str, visitors: Visitors, messy_service: Served) -> None:
    page = visitors(messy_service).open(address)
    widths = []
    for _ in range(25):
        page.keyboard.press("Tab")
        widths.append(page.evaluate(OUTLINE))
    assert len([it for it in widths if it is not None]) > 8
    assert all(it >= 2 for it in widths if it is not None), widths
