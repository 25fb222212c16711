"""The page of a report: HTML that is whole, loads nothing, and whose links lead somewhere."""

import re
from dataclasses import fields
from html.parser import HTMLParser

import pytest

from fewbit.flow.report.page import SECTIONS, BuildReport, build_report, page_of

VOID = {"meta", "link", "img", "br", "input"}


class Page(HTMLParser):
    """What a page has: ids, links, and whether every tag is closed in its turn."""

    def __init__(self, text):
        super().__init__()
        self.ids, self.links, self.open, self.tags, self.text = [], [], [], [], []
        self.feed(text)
        assert not self.open

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        self.tags.append((tag, attrs))
        self.ids += [attrs["id"]] if "id" in attrs else []
        self.links += [value for name, value in attrs.items() if name in ("href", "src")]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)


@pytest.fixture
def report(subject):
    return build_report(subject)


def test_every_section_is_on_the_page(report):
    assert {field.name for field in fields(BuildReport)} == {*SECTIONS, "headline", "not_run"}
    page = Page(page_of(report))
    assert {*SECTIONS, "methods", "content"} <= set(page.ids) and len(page.ids) == len(set(page.ids))
    assert set(report.not_run) == {"formats"}
    text = " ".join(" ".join(page.text).split())
    for figure in (report.model.sha256, "fewbit compare", "fewbit synth", report.parts.smallest):
        assert figure in text


def test_it_loads_nothing_and_its_links_resolve(report):
    text = page_of(report)
    page = Page(text)
    inner = [link[1:] for link in page.links if link.startswith("#")]
    assert len(inner) > len(SECTIONS) and set(inner) <= set(page.ids)
    assert all(link.startswith(("#", "data:")) for link in page.links)
    assert not re.findall(r"(?:https?:)?//[a-z]", text) and "@import" not in text and "url(" not in text


def test_tables_and_pictures_have_text_alternatives(report):
    page = Page(page_of(report))
    kinds = [tag for tag, _ in page.tags]
    assert kinds.count("table") == kinds.count("caption") > 8
    assert all(attrs.get("scope") in ("col", "row") for tag, attrs in page.tags if tag == "th")
    for tag, attrs in page.tags:
        if tag == "svg":
            assert attrs.get("aria-label") or all(one in page.ids for one in attrs["aria-labelledby"].split())
        if tag == "img":
            assert attrs["alt"]


def test_what_a_model_is_called_is_text(subject):
    from fewbit.flow.report.subject import Origin

    subject.origin = Origin(model="/x/<script>alert(1)</script>&.onnx")
    text = page_of(build_report(subject))
    assert "<script>alert" not in text and "&lt;script&gt;alert(1)&lt;/script&gt;&amp;.onnx" in text


def test_a_report_is_json_and_back(report):
    import json

    content = json.loads(json.dumps(report.to_dict()))
    assert BuildReport.from_dict(content).to_dict() == report.to_dict() == content
    assert page_of(BuildReport.from_dict(content)) == page_of(report)
