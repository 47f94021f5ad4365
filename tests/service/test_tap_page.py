"""The page behind a tag's URL, in a real browser, at a real service."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import httpx
import pytest
from playwright.sync_api import Browser, Page, Request, Route, expect

from tests.service.browser import FRAGMENT, QUERY, Service, chromium

# One browser: the module's tests stay together on one worker.
pytestmark = pytest.mark.xdist_group("chromium")

TAPS = "**/v1/taps"
MILLISECONDS = 15_000
HEAR_SESSIONS = """
    document.addEventListener("ntag424:session", (event) => { window.heard = event.detail; });
"""
FINISH_ANIMATIONS = "document.getAnimations().forEach((animation) => animation.finish())"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
def service(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service whose tags write their mirrors behind the #."""
    with Service(tmp_path_factory.mktemp("fragment"), FRAGMENT) as service:
        yield service


@pytest.fixture(scope="module")
def query_service(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service whose tags write their mirrors behind the ?."""
    with Service(tmp_path_factory.mktemp("query"), QUERY) as service:
        yield service


@pytest.fixture(params=["service", "query_service"])
def each_service(request: pytest.FixtureRequest) -> Service:
    return request.getfixturevalue(request.param)


@pytest.fixture
def new_page(browser: Browser) -> Iterator[Callable[..., Page]]:
    """Opens a page in a browser profile of its own."""
    with ExitStack() as contexts:

        def open_page(**options) -> Page:
            context = browser.new_context(**options)
            contexts.callback(context.close)
            context.set_default_timeout(MILLISECONDS)
            context.add_init_script(HEAR_SESSIONS)
            return context.new_page()

        yield open_page


@pytest.fixture
def page(new_page: Callable[..., Page]) -> Page:
    return new_page()


def expect_state(page: Page, state: str) -> None:
    expect(page.locator("#status")).to_have_attribute("data-state", state, timeout=MILLISECONDS)


def posts_of(page: Page) -> list[dict[str, str]]:
    """The bodies that *page* posts, as they come."""
    bodies: list[dict[str, str]] = []

    def keep(request: Request) -> None:
        if request.method == "POST":
            bodies.append(json.loads(request.post_data))

    page.on("request", keep)
    return bodies


# What a tap leads to


def test_a_tap_signs_in(page, each_service):
    page.goto(each_service.phone.tap())

    expect_state(page, "signed-in")


def test_the_document_announces_a_session_that_lives(page, service):
    page.goto(service.phone.tap())
    expect_state(page, "signed-in")

    heard = page.evaluate("window.heard")
    bearer = {"Authorization": f"Bearer {heard['session']}"}
    answer = httpx.get(f"{service.address}/v1/session", headers=bearer, trust_env=False).json()
    assert (answer["subject"], answer["expires_at"]) == (heard["subject"], heard["expires_at"])


def test_a_second_browser_with_the_same_url_is_too_late(new_page, service):
    url = service.phone.tap()
    first, second = new_page(), new_page()
    first.goto(url)
    expect_state(first, "signed-in")

    second.goto(url)

    expect_state(second, "already-used")


@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(lambda url: url[:-1] + f"{int(url[-1], 16) ^ 1:X}", id="another MAC"),
        pytest.param(lambda url: url[:-1], id="a digit short"),
        pytest.param(lambda url: url + 2000 * "0", id="too long for a URL"),
        pytest.param(lambda url: url + 5000 * "0", id="too long for a body"),
    ],
)
def test_a_tampered_tap_is_not_verified(page, service, spoil):
    page.goto(spoil(service.phone.tap()))

    expect_state(page, "not-verified")


def test_a_page_without_a_tap_asks_for_one(page, service):
    posts = posts_of(page)

    page.goto(f"{service.address}/t")

    expect_state(page, "no-tap")
    assert posts == []


def test_a_reload_asks_for_a_new_tap(page, service):
    page.goto(service.phone.tap())
    expect_state(page, "signed-in")

    page.reload()

    expect_state(page, "no-tap")


def test_a_tag_tapped_while_the_page_is_open_is_a_new_tap(page, service):
    page.goto(service.phone.tap())
    expect_state(page, "signed-in")
    first = page.evaluate("window.heard.session")

    page.goto(service.phone.tap())

    page.wait_for_function("first => window.heard.session !== first", arg=first)
    expect_state(page, "signed-in")


def test_the_latest_of_two_taps_decides_what_is_shown(page, service):
    page.add_init_script("""
        const post = window.fetch;
        window.answered = 0;
        window.fetch = (...request) => post(...request).finally(() => { window.answered += 1; });
    """)
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    page.route(TAPS, hold, times=1)
    with page.expect_request(TAPS):
        page.goto(service.phone.tap())
    page.goto(service.phone.tap())
    expect_state(page, "signed-in")

    held[0].fulfill(status=409)

    page.wait_for_function("window.answered === 2")
    assert page.locator("#status").get_attribute("data-state") == "signed-in"


# What stays behind


def test_the_address_bar_holds_no_tap_by_the_time_it_is_posted(page, each_service):
    page.add_init_script("""
        const post = window.fetch;
        window.fetch = (...request) => {
            window.addressWhenPosting = location.href;
            return post(...request);
        };
    """)

    page.goto(each_service.phone.tap())

    expect_state(page, "signed-in")
    assert page.evaluate("window.addressWhenPosting") == f"{each_service.address}/t"


def test_the_history_holds_no_tap(page, each_service):
    for _ in range(2):
        page.goto(each_service.phone.tap())
        expect_state(page, "signed-in")

    history = page.context.new_cdp_session(page).send("Page.getNavigationHistory")
    visited = {entry["url"] for entry in history["entries"]}
    assert visited == {"about:blank", f"{each_service.address}/t"}


def test_the_session_token_is_in_no_place_that_outlives_the_event(page, service):
    page.goto(service.phone.tap())
    expect_state(page, "signed-in")
    token = page.evaluate("window.heard.session")

    places = page.evaluate("""async () => [
        document.documentElement.outerHTML, location.href, document.title, document.cookie,
        window.name, JSON.stringify(history.state), JSON.stringify({...localStorage}),
        JSON.stringify({...sessionStorage}), JSON.stringify(await indexedDB.databases()),
        JSON.stringify(await window.caches?.keys()),
        JSON.stringify(performance.getEntries()),
    ]""")
    assert [place for place in places if token in (place or "")] == []


# What does not use up a tap


def test_fetching_the_page_fifty_times_leaves_the_tap_unused(page, query_service):
    url = query_service.phone.tap()
    with httpx.Client(trust_env=False) as client:
        answers = [client.request(method, url) for method in ("GET", "HEAD") * 25]
    assert {answer.status_code for answer in answers} == {200}

    page.goto(url)

    expect_state(page, "signed-in")


def test_without_a_script_the_page_says_that_the_tap_was_not_used(new_page, service):
    page = new_page(java_script_enabled=False)

    page.goto(service.phone.tap())

    expect(page.locator("noscript p")).to_be_visible()
    expect(page.locator("noscript p")).to_contain_text("Your tap has not been used.")


def test_without_a_script_nothing_else_is_shown(new_page, service):
    page = new_page(java_script_enabled=False)

    page.goto(service.phone.tap())

    page.evaluate(FINISH_ANIMATIONS)
    shown = page.locator("main > :visible").evaluate_all("all => all.map((one) => one.localName)")
    assert shown == ["noscript"]


def test_a_tap_opened_without_a_script_can_be_used_afterwards(new_page, page, query_service):
    url = query_service.phone.tap()
    new_page(java_script_enabled=False).goto(url)

    page.goto(url)

    expect_state(page, "signed-in")


def test_a_page_whose_script_is_lost_says_that_the_tap_was_not_used(page, service):
    page.route("**/tap.js", lambda route: route.abort())
    page.goto(service.phone.tap())

    page.evaluate(FINISH_ANIMATIONS)

    expect(page.get_by_text("Your tap has not been used: reload this page")).to_be_visible()


def test_a_page_that_nobody_sees_posts_nothing(page, service):
    page.add_init_script("""
        let seen = "hidden";
        Object.defineProperty(document, "visibilityState", { get: () => seen });
        window.look = () => {
            seen = "visible";
            document.dispatchEvent(new Event("visibilitychange"));
        };
    """)
    posts = posts_of(page)
    page.goto(service.phone.tap())
    expect_state(page, "checking")
    posts_unseen = list(posts)

    page.evaluate("window.look()")

    expect_state(page, "signed-in")
    assert (len(posts_unseen), len(posts)) == (0, 1)


# When the service or the network fails


def test_an_answer_that_got_lost_is_given_again(page, service):
    lost: list[str] = []

    def lose(route: Route) -> None:
        lost.append(route.fetch().json()["session"])
        route.abort()

    page.route(TAPS, lose, times=1)
    page.goto(service.phone.tap())

    expect_state(page, "signed-in")
    assert lost == [page.evaluate("window.heard.session")]


@pytest.mark.parametrize(
    "fail",
    [
        pytest.param(lambda route: route.abort(), id="no connection"),
        pytest.param(lambda route: route.fulfill(status=500), id="500"),
        pytest.param(lambda route: route.fulfill(body="<p>Welcome to the hotel"), id="a portal"),
        pytest.param(lambda route: route.fulfill(json={}), id="no session"),
    ],
)
def test_a_failed_try_is_repeated_with_the_same_url_and_nonce(page, service, fail):
    posts = posts_of(page)
    page.route(TAPS, fail, times=1)

    page.goto(service.phone.tap())

    expect_state(page, "signed-in")
    assert (len(posts), posts[0]) == (2, posts[1])


def test_a_service_that_stays_silent_is_asked_again(page, service):
    page.clock.install()
    posts = posts_of(page)
    page.route(TAPS, lambda route: None, times=1)
    with page.expect_request(TAPS):
        page.goto(service.phone.tap())

    page.clock.fast_forward("00:06")

    expect_state(page, "signed-in")
    assert (len(posts), posts[0]) == (2, posts[1])


def test_after_three_tries_it_is_our_fault(page, service):
    posts = posts_of(page)
    page.route(TAPS, lambda route: route.fulfill(status=503))

    page.goto(service.phone.tap())

    expect_state(page, "our-fault")
    assert (len(posts), len({body["nonce"] for body in posts})) == (3, 1)


def test_try_again_signs_in_once_the_service_is_back(page, service):
    page.goto(f"{service.address}/t")
    service.stop()
    page.goto(service.phone.tap())
    expect_state(page, "our-fault")

    service.start()
    page.get_by_role("button", name="Try again").click()

    expect_state(page, "signed-in")


def test_try_again_posts_the_same_url_and_nonce(page, service):
    posts = posts_of(page)
    page.route(TAPS, lambda route: route.abort(), times=3)
    page.goto(service.phone.tap())
    expect_state(page, "our-fault")

    page.get_by_role("button", name="Try again").click()

    expect_state(page, "signed-in")
    assert (len(posts), posts[0]) == (4, posts[3])


def test_each_tap_has_a_nonce_of_its_own(page, service):
    posts = posts_of(page)
    for _ in range(2):
        page.goto(service.phone.tap())
        expect_state(page, "signed-in")
        page.reload()

    nonces = {body["nonce"] for body in posts}
    assert [bool(re.fullmatch("[0-9a-f]{32}", nonce)) for nonce in nonces] == [True, True]


def test_too_many_attempts_are_asked_to_wait(page, service):
    page.route(TAPS, lambda route: route.fulfill(status=429, headers={"Retry-After": "7"}))

    page.goto(service.phone.tap())

    expect_state(page, "busy")
    expect(page.locator("#advice")).to_have_text("You can try again in 7 seconds.")


def test_after_the_wait_there_is_a_button_to_try_again(page, service):
    page.clock.install()
    busy = {"status": 429, "headers": {"Retry-After": "7"}}
    page.route(TAPS, lambda route: route.fulfill(**busy), times=1)
    page.goto(service.phone.tap())
    expect_state(page, "busy")
    expect(page.locator("#again")).to_be_hidden()

    page.clock.fast_forward("00:07")
    page.get_by_role("button", name="Try again").click()

    expect_state(page, "signed-in")


# Whom the page talks to


def test_the_content_security_policy_is_never_violated(page, service):
    page.add_init_script("""
        window.violations = [];
        document.addEventListener("securitypolicyviolation", (event) => {
            window.violations.push(event.violatedDirective);
        });
    """)
    console: list[str] = []
    page.on("console", lambda message: console.append(message.text))
    page.on("pageerror", lambda error: console.append(str(error)))

    page.goto(service.phone.tap())

    expect_state(page, "signed-in")
    assert (page.evaluate("window.violations"), console) == ([], [])


def test_no_request_leaves_the_origin(page, service):
    requested: list[str] = []
    page.on("request", lambda request: requested.append(request.url.partition("#")[0]))

    page.goto(service.phone.tap())

    expect_state(page, "signed-in")
    paths = ("/t", "/t/tap.css", "/t/tap.js", "/v1/taps")
    assert sorted(requested) == [service.address + path for path in paths]


def test_the_page_weighs_less_than_ten_kilobytes(service):
    with httpx.Client(base_url=service.address, trust_env=False) as client:
        sizes = [len(client.get(path).content) for path in ("/t", "/t/tap.css", "/t/tap.js")]

    assert sum(sizes) < 10_000


# Whether everybody can use it

STATES = ["checking", "signed-in", "already-used", "not-verified", "busy", "our-fault", "no-tap"]
COLORS_OF = """(element) => {
    const opaque = (one) => getComputedStyle(one).backgroundColor !== "rgba(0, 0, 0, 0)";
    let behind = element;
    while (!opaque(behind)) {
        behind = behind.parentElement;
    }
    return [getComputedStyle(element).color, getComputedStyle(behind).backgroundColor];
}"""
COLORS_OF_SYMBOLS = f"""(states) => {{
    const status = document.getElementById("status");
    const present = status.dataset.state;
    const colors = states.map((state) => {{
        status.dataset.state = state;
        return [state, ({COLORS_OF})(status.querySelector("svg"))];
    }});
    status.dataset.state = present;
    return Object.fromEntries(colors);
}}"""


def contrast(first: str, second: str) -> float:
    """Contrast ratio of two CSS colours (WCAG 2.2)."""
    dark, light = sorted((luminance(first), luminance(second)))
    return (light + 0.05) / (dark + 0.05)


def luminance(color: str) -> float:
    """Relative luminance of `rgb(r, g, b)` (WCAG 2.2)."""
    parts = [int(part) / 255 for part in re.findall(r"\d+", color)[:3]]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return sum(w * c for w, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


@pytest.fixture(scope="module")
def failed_page(browser: Browser, service: Service) -> Iterator[Page]:
    """A page that shows all there is: headline, advice and button."""
    with browser.new_context() as context:
        page = context.new_page()
        page.route(TAPS, lambda route: route.abort())
        page.goto(service.phone.tap())
        expect_state(page, "our-fault")
        yield page


def test_the_result_moves_the_focus_to_the_headline(page, service):
    page.goto(service.phone.tap())
    expect_state(page, "signed-in")

    expect(page.get_by_role("heading", level=1, name="Signed in")).to_be_focused()


def test_the_result_is_announced_as_a_status(failed_page):
    expect(failed_page.get_by_role("status")).to_contain_text("Your tag is not at fault")


def test_the_title_names_the_result(failed_page):
    expect(failed_page).to_have_title("Your tag is not at fault")


def test_the_language_is_stated(failed_page):
    expect(failed_page.locator("html")).to_have_attribute("lang", "en")


def test_there_is_one_headline(failed_page):
    expect(failed_page.locator("h1:visible")).to_have_count(1)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_from_its_background(failed_page, scheme):
    failed_page.emulate_media(color_scheme=scheme)

    parts = ("h1:visible", "#advice", "#again")
    pairs = [failed_page.locator(part).evaluate(COLORS_OF) for part in parts]

    assert [pair for pair in pairs if contrast(*pair) < 4.5] == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_symbol_of_every_state_stands_out_from_its_background(failed_page, scheme):
    failed_page.emulate_media(color_scheme=scheme)

    colors = failed_page.evaluate(COLORS_OF_SYMBOLS, STATES)

    assert [state for state in STATES if contrast(*colors[state]) < 3] == []


def test_the_two_colour_schemes_differ(failed_page):
    backgrounds = set()
    for scheme in ("light", "dark"):
        failed_page.emulate_media(color_scheme=scheme)
        backgrounds.add(failed_page.evaluate("getComputedStyle(document.body).backgroundColor"))

    assert len(backgrounds) == 2


def test_the_button_is_large_enough_for_a_thumb(failed_page):
    box = failed_page.locator("#again").bounding_box()

    assert min(box["width"], box["height"]) >= 44


def test_the_button_is_the_next_stop_of_the_keyboard(failed_page):
    failed_page.keyboard.press("Tab")

    expect(failed_page.get_by_role("button", name="Try again")).to_be_focused()


def test_the_narrowest_phone_needs_no_sideways_scrolling(failed_page):
    failed_page.set_viewport_size({"width": 320, "height": 480})

    assert failed_page.evaluate("document.documentElement.scrollWidth") <= 320


def test_nothing_moves_for_those_who_asked_for_that(new_page, service):
    page = new_page(reduced_motion="reduce")
    page.route(TAPS, lambda route: None)

    page.goto(service.phone.tap())

    expect_state(page, "checking")
    assert page.evaluate("document.getAnimations().length") == 0
