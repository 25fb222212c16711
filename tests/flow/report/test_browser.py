"""The page in a browser: no fault of accessibility, nothing cut off at any width, and a script that does its part."""

import re

import pytest

from fewbit.flow.report.page import build_report, page_of
from fewbit.places import HOME
from tests.support.browser import Browser

AXE = HOME / "tests" / "vendor" / "axe" / "axe.min.js"
RUN = """
const done = arguments[arguments.length - 1];
axe.run(document).then((found) => done(found.violations.map((v) => `${v.id}: ${v.help}: ${v.nodes[0].html}`)));
"""
SMALLEST = """
const shown = (e) => e.children.length === 0 && e.textContent.trim() && e.getClientRects().length;
const leaves = [...document.querySelectorAll("body *")].filter(shown);
return Math.min(...leaves.map((e) => parseFloat(getComputedStyle(e).fontSize)));
"""
MOVE = """
const one = document.getElementById(arguments[0]);
one.value = arguments[1];
one.dispatchEvent(new Event("input"));
"""
LUTS = """
const rows = [...document.querySelectorAll("#explorer-table tbody tr")];
return rows.map((row) => [Number(row.dataset.luts), row.hidden]);
"""
MARKS = """
return [...document.querySelectorAll("#explorer-chart a.design")].filter((a) => a.getClientRects().length).length;
"""
ROWS = 'return [...document.querySelectorAll("#explorer-table tbody tr")].filter((row) => !row.hidden).length;'
WAYS = [(360, False), (360, True), (800, False), (1400, True)]


@pytest.fixture(scope="module")
def browser():
    with Browser() as found:
        yield found


@pytest.fixture
def page(subject, scratch):
    file = scratch / "report.html"
    file.write_text(page_of(build_report(subject)), encoding="utf-8")
    return file


@pytest.mark.tools
@pytest.mark.slow
@pytest.mark.parametrize(("width", "dark"), WAYS)
def test_there_is_no_fault_of_accessibility(browser, page, width, dark):
    browser.open(page, width=width, dark=dark)
    browser.run("document.querySelectorAll('details').forEach((one) => { one.open = true; });")
    browser.run(AXE.read_text(encoding="utf-8"))
    assert browser.wait_for(RUN) == []


@pytest.mark.tools
@pytest.mark.slow
@pytest.mark.parametrize(("width", "dark"), WAYS)
def test_nothing_is_cut_off(browser, page, width, dark, scratch):
    browser.open(page, width=width, dark=dark)
    assert browser.run("return document.documentElement.scrollWidth") <= width, "the page itself does not scroll across"
    assert browser.run(SMALLEST) >= 10 and browser.said() == []
    paper = browser.run("return getComputedStyle(document.body).backgroundColor")
    assert (sum(map(int, re.findall(r"\d+", paper)[:3])) < 200) == dark
    browser.photograph(scratch / "page.png")
    assert (scratch / "page.png").stat().st_size > 20_000


@pytest.mark.tools
@pytest.mark.slow
def test_on_paper_there_are_no_controls(browser, page):
    browser.open(page, width=700, dark=True, paper=True)
    shown = "return ['nav', '#explorer-controls'].map((one) => document.querySelector(one).getClientRects().length)"
    assert browser.run(shown) == [0, 0]
    assert browser.run("return getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"


@pytest.mark.tools
@pytest.mark.slow
def test_the_explorer_leaves_what_is_within_limits(browser, page):
    browser.open(page, width=1400)
    count = browser.run(ROWS)
    browser.run(MOVE, "explorer-luts", 30)
    fewer = browser.run(ROWS)
    assert 0 < fewer < count
    rows = browser.run(LUTS)
    low, high = min(n for n, _ in rows), max(n for n, _ in rows)
    limit = low * (high / low) ** 0.3
    assert [hidden for _, hidden in rows] == [n > limit for n, _ in rows]
    assert browser.run(MARKS) == fewer
    assert browser.run("return document.getElementById('explorer-count').textContent").startswith(
        f"{fewer} of {count} "
    )


@pytest.mark.tools
@pytest.mark.slow
def test_a_block_of_the_picture_leads_to_its_layer(browser, page):
    browser.open(page, width=800)
    browser.run("const a = document.querySelector('#pipeline svg a'); location.hash = a.getAttribute('href');")
    assert browser.run("return document.querySelector('tr:target th').textContent") == browser.run(
        "return document.querySelector('#pipeline svg a text').textContent"
    )
