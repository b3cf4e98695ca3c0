"""The explorer's page and widget in a real browser, and who its server answers."""

import http.client
import json
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from blocklens.encoder.trunk import Encoder
from blocklens.errors import UserError
from blocklens.exploring.explorer import Explorer
from blocklens.inputs.texts import TextSource
from helpers import made_up_texts, until

TOKEN = "open-sesame"
HOSTILE = "<img src=x onerror=window.hacked=1>"


@pytest.fixture(scope="module")
def explorer() -> Explorer:
    return Explorer(Encoder.load(), TextSource(made_up_texts(3)), text="The river rose. We saw it.")


@pytest.fixture(scope="module")
def port(explorer: Explorer):
    pytest.importorskip("starlette")
    uvicorn = pytest.importorskip("uvicorn")
    from blocklens.exploring.server import application, listening

    where = listening(0)
    server = uvicorn.Server(uvicorn.Config(application(explorer, TOKEN), log_level="warning"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [where]}, daemon=True)
    thread.start()
    yield where.getsockname()[1]
    server.should_exit = True
    thread.join(10)


def ask(port: int, method: str, path: str, body: object = None, **headers: str):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request(method, path, json.dumps(body), headers)
    answer = connection.getresponse()
    return answer.status, answer.read().decode(), answer.headers


def test_only_who_has_the_token_is_answered(port: int):
    assert ask(port, "GET", "/")[0] == 403
    assert ask(port, "GET", "/?token=wrong")[0] == 403
    assert ask(port, "POST", "/answer", {"text": "a b"})[0] == 403
    assert ask(port, "POST", "/answer", {"text": "a b"}, Authorization="Bearer é")[0] == 403
    status, page, headers = ask(port, "GET", f"/?token={TOKEN}")
    assert status == 200
    assert TOKEN not in page
    assert "default-src 'none'" in headers["Content-Security-Policy"]


def test_a_name_that_was_pointed_here_is_not_served(port: int):
    assert ask(port, "GET", f"/?token={TOKEN}", Host="elsewhere.example")[0] == 400


def test_what_is_not_understood_is_said(port: int):
    status, said, _ = ask(port, "POST", "/answer", {"texts": 1}, Authorization=f"Bearer {TOKEN}")
    assert status == 422
    assert "not understood" in json.loads(said)["error"]


def test_a_port_that_is_taken_is_one_line(port: int):
    from blocklens.exploring.server import listening

    with pytest.raises(UserError, match=f"--port {port}: "):
        listening(port)


@pytest.fixture
def open_page(chromium, port: int):
    """Opens the explorer at a width; fails on any script error and any request to elsewhere."""
    opened = []

    def go(width: int = 1400, fragment: str = "", **options):
        page = chromium.new_page(viewport={"width": width, "height": 900}, **options)
        requests, errors = [], []
        page.on("request", lambda request: requests.append(request.url))
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", lambda m: errors.append(m.text) if m.type == "error" else None)
        page.goto(f"http://127.0.0.1:{port}/?token={TOKEN}{fragment}")
        page.wait_for_selector("#explorer[data-shown]", timeout=60_000)
        opened.append((page, requests, errors))
        return page

    yield go
    for page, requests, errors in opened:
        assert errors == []
        own = (f"http://127.0.0.1:{port}/", "data:", "blob:")
        assert [one for one in requests if not one.startswith(own)] == []
        assert page.evaluate("window.hacked") is None
        page.close()


def part(page, name: str):
    return page.locator(f"[data-at={name}]")


@pytest.mark.browser
def test_typing_shows_the_new_texts_heads(open_page):
    page = open_page()
    part(page, "text").fill(f"A cow eats grass. {HOSTILE}")
    until(page, "document.querySelector('[data-at=running]').textContent.includes('cow')")
    assert "onerror" in part(page, "running").inner_text()
    assert page.locator("img").count() == 0
    assert part(page, "sheet").locator("canvas").count() == 36
    part(page, "text").fill("one")
    until(page, "document.querySelector('[data-at=status]').textContent.includes('at least two')")


@pytest.mark.browser
def test_a_link_opens_its_head_and_a_map_another(open_page):
    page = open_page(fragment="#block=3&head=5")
    assert part(page, "title").inner_text() == "Block 3, head 5"
    part(page, "sheet").locator("button").nth(1 * 6 + 2).click()
    page.wait_for_selector("#explorer[data-head='2.2']")
    assert page.url.endswith("#block=2&head=2")
    assert "attention map, block 2, head 2" in part(page, "attention").inner_text().lower()


@pytest.mark.browser
def test_keys_walk_the_heads_and_the_tokens(open_page):
    page = open_page(fragment="#block=1&head=0")
    part(page, "sheet").locator("button[tabindex='0']").focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    page.wait_for_selector("#explorer[data-head='2.1']")
    part(page, "running").locator("button").first.focus()
    for key in ("ArrowRight", "ArrowRight", "ArrowRight", "Enter"):
        page.keyboard.press(key)
    page.wait_for_selector(".predictions")
    assert part(page, "running").locator("[aria-pressed=true]").inner_text() == "rose"
    assert part(page, "running").locator("button[tabindex='0']").count() == 1


@pytest.mark.browser
def test_a_hidden_token_is_predicted_by_every_block(open_page, explorer: Explorer):
    page = open_page()
    part(page, "running").locator("button", has_text="rose").click()
    page.wait_for_selector(".predictions")
    expected = explorer.answer("The river rose. We saw it.", 3)["blocks"]
    ranks = page.locator(".predictions tr td:nth-child(3)").all_inner_texts()
    assert [int(rank) for rank in ranks] == [block["rank"] for block in expected]


@pytest.mark.browser
def test_a_chosen_tokens_partners_and_lines_are_those_of_the_head(open_page, explorer: Explorer):
    page = open_page(fragment="#block=2&head=1")
    part(page, "running").locator("button", has_text="river").click()
    until(page, "document.querySelector('[data-at=reading]').textContent.includes('attends')")
    pairs = explorer.answer("The river rose. We saw it.")["pairs"][1 * 6 + 1]
    pairs = list(zip(pairs[::2], pairs[1::2], strict=True))
    partners = {i + j - 2 for i, j in pairs if 2 in (i, j)}
    outlined = (
        part(page, "running")
        .locator("button")
        .evaluate_all(
            "all => all.flatMap((one, i) => one.classList.contains('partner') ? [i] : [])"
        )
    )
    assert set(outlined) == partners
    from blocklens.heads.maps_of_texts import look

    row = look(explorer.encoder, "The river rose. We saw it.").attention[1, 1, 2]
    assert page.locator(".lines line").count() == int((row >= 0.01).sum())


@pytest.mark.browser
def test_pieces_are_joined_into_words_or_shown_apart(open_page):
    page = open_page()
    part(page, "text").fill("They unbuttoned it. Unbuttoned coats.")
    until(page, "document.querySelector('[data-at=lines]').textContent.includes('unbuttoned')")
    words = page.locator(".lines text").count()
    part(page, "joined").uncheck()
    until(page, f"document.querySelectorAll('.lines text').length > {words}")


@pytest.mark.browser
@pytest.mark.parametrize("width", [420, 1400])
def test_the_explorer_never_scrolls_sideways(open_page, width: int):
    page = open_page(width=width, color_scheme="dark")
    part(page, "running").locator("button").nth(2).click()
    page.wait_for_selector(".predictions")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert ground == "rgb(20, 25, 30)"


@pytest.mark.browser
def test_every_control_and_picture_of_the_explorer_has_a_name(open_page):
    page = open_page()
    nameless = page.evaluate(
        """[...document.querySelectorAll('button, select, input, textarea, canvas, svg')]
            .filter((e) => !(e.getAttribute('aria-label') || e.labels?.length
                || e.textContent.trim() && e.tagName !== 'svg')).map((e) => e.outerHTML)"""
    )
    assert nameless == []


@pytest.mark.browser
def test_the_widget_shows_the_same_and_leaves_the_notebooks_style_alone(
    chromium, explorer: Explorer, monkeypatch: pytest.MonkeyPatch
):
    pytest.importorskip("anywidget")
    from blocklens.exploring import widget as module

    monkeypatch.setattr(module, "Explorer", lambda *_, **__: explorer)
    widget = module.explore(explorer.encoder)
    sent: list = []
    monkeypatch.setattr(widget, "send", sent.append)

    def kernel(question: dict):
        # In a thread: PyTorch within Playwright's greenlet can end a Python 3.12.
        with ThreadPoolExecutor(1) as thread:
            thread.submit(widget._handle_custom_msg, question, []).result()
        return sent.pop()

    page = chromium.new_page(viewport={"width": 900, "height": 900})
    errors = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.expose_function("kernel", kernel)
    page.set_content("<h2>Notebook</h2><div id=cell></div>")
    page.add_style_tag(content=str(widget._css))
    page.evaluate(
        """async ([code, facts]) => {
            let heard;
            const model = {
                get: () => facts,
                on: (_, listener) => { heard = listener; },
                send: async (asked) => heard(await window.kernel(asked)),
            };
            const url = URL.createObjectURL(new Blob([code], { type: "text/javascript" }));
            const made = await import(url);
            made.default.render({ model, el: document.getElementById("cell") });
        }""",
        [str(widget._esm), widget.facts],
    )
    page.wait_for_selector("#cell [data-shown]", timeout=60_000)
    page.locator("[data-at=running] button").nth(3).click()
    page.wait_for_selector(".predictions")
    page.locator("[data-at=sheet] button").nth(2).click()
    page.wait_for_selector("#cell [data-head='1.2']")
    assert errors == []
    assert page.url == "about:blank"
    assert page.evaluate("getComputedStyle(document.querySelector('h2')).fontSize") == "24px"
    page.close()


def test_what_is_missing_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    from blocklens.exploring import server

    monkeypatch.setattr(server, "find_spec", lambda _: None)
    with pytest.raises(UserError, match=r"pip install 'blocklens\[explore\]'"):
        server.check_installed()
