"""What people do on the pages: plans before the button, actions collected, and who may come in at all."""

from collections.abc import Iterator

import attrs
import pytest
from playwright.sync_api import Browser, Page, expect

from kuberpult_core import CreateLock, Deploy, Target
from tests.browser import Shop, Visitors, leave
from tests.served import Served, served

_DEPLOY = "/plan?kind=Deploy&environment=production&version=2&application="
RUN, ADD = "Run exactly this plan", "Add to the planned actions"


def press(page: Page, name: str) -> None:
    """Press a button."""
    page.get_by_role("button", name=name).click()


# Plans


def test_the_state_moves_and_the_plan_says_so_before_and_after_the_button(shop: Shop, visitors: Visitors) -> None:
    visitor = visitors(shop.service)
    page = visitor.open(f"{_DEPLOY}cart&back=%2F%3Fshow%3Dbehind")
    expect(page.locator("main")).to_contain_text("cart on production 1 → 2")
    shop.apply(CreateLock(Target("production"), "freeze", "Nothing moves"), Deploy("staging", "search", 2))
    expect(page.locator("#moved")).to_contain_text("Something was published since this plan was made.")
    before = shop.commits
    visitor.expect(r"^answer: 409", r"^console: .*409")
    press(page, RUN)
    expect(page.get_by_role("heading", level=1)).to_have_text("Nothing was done: the state has moved")
    assert page.get_by_role("alert").inner_text().strip().endswith(".")
    assert not visitor.violations()
    assert shop.commits == before
    page.get_by_role("link", name="See the plan as it is now").click()
    expect(page.locator("main")).to_contain_text("cart on production 2 waits for lock/production/freeze")
    press(page, RUN)
    page.wait_for_url("**/?show=behind&done=*")
    expect(page.get_by_role("status").first).to_contain_text("Done:")
    assert len(shop.commits) == len(before) + 1


def test_what_changes_nothing_in_a_plan_does_not_stop_it(shop: Shop, visitors: Visitors) -> None:
    page = visitors(shop.service).open(f"{_DEPLOY}cart")
    shop.apply(Deploy("staging", "search", 2))
    press(page, RUN)
    expect(page.get_by_role("status").first).to_contain_text("cart")


def test_a_plan_can_be_looked_at_with_its_manifests_and_left(shop: Shop, visitors: Visitors) -> None:
    page = visitors(shop.service).open(f"{_DEPLOY}cart&back=%2F%3Fapp%3Dcart")
    before = shop.commits
    page.get_by_role("link", name="Show how the manifests change").click()
    expect(page.locator(".diff .new").first).to_be_visible()
    assert "hunter2" not in page.content()
    page.get_by_role("link", name="Cancel").click()
    page.wait_for_url("**/?app=cart")
    assert shop.commits == before


def test_what_was_done_is_not_done_again_by_going_back_or_loading_again(shop: Shop, visitors: Visitors) -> None:
    page = visitors(shop.service).open(f"{_DEPLOY}cart")
    press(page, RUN)
    expect(page.get_by_role("status").first).to_contain_text("Done:")
    done = shop.commits
    page.reload()
    page.go_back()
    page.go_forward()
    expect(page.get_by_role("heading", level=1)).to_have_text("Overview")
    assert shop.commits == done


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no-scripts"])
def test_actions_of_two_pages_run_as_one_commit(scripts: bool, shop: Shop, visitors: Visitors) -> None:
    page = visitors(shop.service, scripts=scripts).open(f"{_DEPLOY}cart")
    press(page, ADD)
    page.goto(f"{shop.service.url}{_DEPLOY}search")
    press(page, ADD)
    page.get_by_role("link", name="Planned 2").click()
    for name in ("cart", "search"):
        expect(page.locator("main .facts")).to_contain_text(f"{name} on production 1 → 2")
    before = shop.commits
    press(page, "Run all of it")
    expect(page.get_by_role("status").first).to_contain_text("Done:")
    assert len(shop.commits) == len(before) + 1
    expect(page.locator(".count")).to_have_count(0)  # nothing is planned any more
    expect(page.locator("main .actions")).to_have_count(0)


def test_a_planned_action_can_be_dropped_and_no_one_else_sees_it(shop: Shop, visitors: Visitors) -> None:
    visitor, other = visitors(shop.service, 360), visitors(shop.service).open("/planned")
    page = visitor.open(f"{_DEPLOY}cart")
    press(page, ADD)
    page.goto(f"{shop.service.url}{_DEPLOY}search")
    press(page, ADD)
    page.get_by_role("link", name="Planned 2").click()
    assert not visitor.violations()
    assert visitor.overflow() <= 0
    page.locator(".actions li", has_text="search").get_by_role("button").click()
    expect(page.locator(".actions li")).to_have_count(1)
    other.reload()
    expect(other.locator("main .empty")).to_be_visible()
    press(page, "Drop all of it")
    expect(page.locator("main .empty")).to_be_visible()


# Who comes in


@attrs.frozen
class Guarded:
    """A service that asks who one is, and a token for it."""

    service: Served
    token: str


@pytest.fixture
def guarded(shop: Shop, at_work: Browser) -> Iterator[Guarded]:
    """The small world behind a door; admins only."""
    files = {name: shop.folder / name for name in ("tokens", "policy")}
    files["policy"].write_text("p, role:admin, *, *:*, *, allow\n")
    token = shop.run("token", "create", "--tokens", str(files["tokens"]), "--role", "admin", "--name", "Ada")
    arguments = [it for name, path in files.items() for it in (f"--{name}", str(path))]
    with served(shop.folder / "manifests.git", shop.folder, *arguments) as service:
        yield Guarded(service, token.strip())
        leave(at_work)


def test_who_signs_in_comes_in_and_who_signs_out_is_out(guarded: Guarded, visitors: Visitors) -> None:
    visitor = visitors(guarded.service)
    page = visitor.open("/?show=behind")
    page.wait_for_url("**/session?next=*")
    assert not visitor.violations()
    page.get_by_label("Token").fill(guarded.token)
    press(page, "Sign in")
    page.wait_for_url("**/?show=behind")  # where one wanted to go
    expect(page.get_by_title("Signed in")).to_have_text("Ada")
    assert not visitor.violations()
    press(page, "Sign out")
    page.wait_for_url("**/session")
    page.goto(f"{guarded.service.url}/planned")
    page.wait_for_url("**/session?next=*")


def test_a_wrong_token_is_refused_with_a_sentence(guarded: Guarded, visitors: Visitors) -> None:
    visitor = visitors(guarded.service, 360, dark=True)
    visitor.expect(r"^answer: 401", r"^console: .*401")
    page = visitor.open("/session")
    page.get_by_label("Token").fill("kpt_wrong")
    press(page, "Sign in")
    assert page.get_by_role("alert").inner_text().strip().endswith(".")
    assert not visitor.violations()
    assert visitor.overflow() <= 0


def test_a_page_whose_session_is_over_asks_to_sign_in(guarded: Guarded, visitors: Visitors) -> None:
    page = visitors(guarded.service).open("/session")
    page.get_by_label("Token").fill(guarded.token)
    press(page, "Sign in")
    expect(page.get_by_role("heading", level=1)).to_have_text("Overview")
    other = page.context.new_page()
    other.goto(guarded.service.url)
    press(other, "Sign out")
    other.wait_for_url("**/session")
    page.get_by_role("link", name="Planned").click()
    page.wait_for_url("**/session?next=*")
