"""The pages in a real browser, where there is one: nothing is cut off, covered or broken."""

import json
import re

import pytest

from report import examples
from turncoat.refusal import Refusal
from turncoat.report import browser
from turncoat.report.formats import as_html
from turncoat.report.html import result_html
from turncoat.report.saved import Saved

WITH = pytest.mark.skipif(browser.find() is None, reason="there is no browser here")

MEASURE = """<!doctype html><body><script>
const page = %s, widths = [360, 1100], found = {};
const seen = (box) => box.width > 0 && box.height > 0;
function measured(frame) {
  const view = frame.contentDocument, root = view.documentElement, all = (s) => [...view.querySelectorAll(s)];
  const placed = all("td b, td .name, .mark b").map((e) => [e.textContent, e.getBoundingClientRect()]);
  const boxes = placed.filter((b) => seen(b[1]));
  const shared = (a, b, from, to) => Math.min(a[to], b[to]) - Math.max(a[from], b[from]);
  const cover = (a, b) => shared(a, b, "left", "right") > 1 && shared(a, b, "top", "bottom") > 1;
  return {
    wider: root.scrollWidth > root.clientWidth,
    broken: all(".name").filter((e) => e.getClientRects().length > 1).map((e) => e.textContent),
    outside: boxes.filter(([_, b]) => b.right > root.clientWidth + 1).map((b) => b[0]),
    covered: boxes.filter(([_, a], i) => boxes.some(([_, b], j) => j > i && cover(a, b))).map((b) => b[0]),
    unread: all("img").filter((i) => !i.complete || !i.naturalWidth).length,
    height: root.scrollHeight,
  };
}
Promise.all(widths.map((width) => new Promise((done) => {
  const frame = document.createElement("iframe");
  frame.style = `width:${width}px;height:800px;border:0`;
  frame.onload = () => { found[width] = measured(frame); done(); };
  frame.srcdoc = page;
  document.body.append(frame);
}))).then(() => { document.body.textContent = "FOUND" + JSON.stringify(found) + "END"; });
</script></body>"""


def measured(page, folder):
    """What the browser lays a page out to, by the width of its window."""
    told = json.dumps(page).replace("</", "<\\/")
    text = browser.run(MEASURE % told, folder, "--dump-dom", "--virtual-time-budget=20000")
    return json.loads(re.search(r"FOUND(\{.*\})END", text)[1])


NAMES = ("amplified-poisoning", "sparse-backdoor", "gradient-amplification")
RESULTS = tuple(examples.result(attack=name, harm="targeted") for name in NAMES)
PAGES = {
    "audit": examples.audit(results=(*RESULTS, examples.reconstruction())),
    "attack": RESULTS[0],
    "curves": examples.result(curves=examples.CURVES),
    "reconstruction": examples.reconstruction(),
    "reproduction": examples.reproduction(),
    "comparison": examples.comparison(),
    "confirmation": examples.confirmation(),
    "matrix": examples.matrix(),
    "detection": examples.detection(),
}


@WITH
@pytest.mark.parametrize("kind", PAGES)
def test_nothing_is_cut_off_covered_or_broken(kind, tmp_path):
    for width, seen in measured(as_html.render(Saved(PAGES[kind])), tmp_path).items():
        assert not seen["wider"], width
        assert (seen["broken"], seen["outside"], seen["covered"], seen["unread"]) == ([], [], [], 0), width
        assert 500 < seen["height"] < 20_000


@WITH
def test_a_page_is_printed():
    assert browser.printed(result_html(examples.result())).startswith(b"%PDF")


def test_without_a_browser_it_is_said_what_to_do(monkeypatch):
    monkeypatch.setenv(browser.VARIABLE, "no-such-browser")
    with pytest.raises(
        Refusal, match="install Chromium, or name yours by the environment variable TURNCOAT_BROWSER"
    ):
        browser.printed("<p>")
