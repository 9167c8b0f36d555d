"""The query page of `polytask serve --http` in a headless Chromium, as one who uses it sees it.

What is checked: typing and Ctrl+Enter, the address as the link to the question, the cells of the table, sorting, charts, errors, data
that looks like markup, downloads, the links to saved questions, tables and reports, the keyboard alone, the width of a phone; and on
every page that nothing is told on the console and no request is refused.

In: the page's address as the first argument, the browser as the second; the job of the server has a published night, and a table
`scores` with the columns `scenario` and `rank`. Out: a line for each check; exit code 1 with the sentence that does not hold.
"""

import csv
import sys
import tempfile
from pathlib import Path
from urllib.parse import parse_qs, quote_plus, urlsplit

from playwright.sync_api import sync_playwright

URL = sys.argv[1].rstrip("/") + "/"
BY_SCENARIO = "select scenario, count(*) as n, min(rank) as best\nfrom scores\ngroup by scenario\norder by scenario"
WIDE = ", ".join(f"'a rather long value' as column_number_{at}" for at in range(12))
PHONE = {"width": 390, "height": 844}


class Watched:
    """A page, and what went wrong on it."""

    def __init__(self, browser, **more):
        self.context = browser.new_context(accept_downloads=True, **more)
        self.wrong = []
        self.page = self.context.new_page()
        self.page.set_default_timeout(30_000)
        self.page.on("console", self.told)
        self.page.on("pageerror", lambda error: self.wrong.append(f"script: {error}"))
        self.page.on("requestfailed", lambda request: self.wrong.append(f"request: {request.url} {request.failure}"))
        self.page.on("response", lambda response: self.answered(response))
        self.page.on("dialog", lambda dialog: (self.wrong.append(f"dialog: {dialog.message}"), dialog.dismiss()))

    def told(self, message):
        """Notes what the console tells. A status of an error is told there too: `answered` knows whose it is."""
        if message.type in ("error", "warning") and not message.text.startswith("Failed to load resource"):
            self.wrong.append(f"console: {message.text}")

    def answered(self, response):
        """Notes a file of a page that was not given. A question without an answer is a page, with a status of its own."""
        if response.status >= 400 and not response.request.is_navigation_request():
            self.wrong.append(f"{response.status}: {response.url}")

    def quiet(self, what):
        """Nothing went wrong so far."""
        assert not self.wrong, f"{what}: nothing is told on the console and nothing is refused: {self.wrong}"

    def open(self, address=URL):
        self.page.goto(address)

    def ask(self, sql, chart="auto"):
        """Types a question and asks it by the keyboard."""
        self.page.fill("#sql", "")
        self.page.locator("#sql").press_sequentially(sql.replace("\n", " "), delay=1)
        self.page.select_option("#chart", chart)
        self.page.focus("#sql")
        with self.page.expect_navigation():
            self.page.keyboard.press("Control+Enter")

    def table(self):
        """The answer's heads and rows, as they are shown."""
        heads = [head.strip() for head in self.page.locator("#answer thead th").all_inner_texts()]
        cells = "[...document.querySelectorAll('#answer tbody tr')].map(row => [...row.cells].map(cell => cell.textContent))"
        rows = self.page.evaluate(cells)
        return heads, rows


def link(sql, chart=None):
    """The address of a question."""
    return URL + "?sql=" + quote_plus(sql) + (f"&chart={chart}" if chart else "")


def a_question_is_typed_and_asked(browser):
    seen = Watched(browser)
    seen.open()
    assert seen.page.locator("#answer").inner_text().strip() == "", "a page without a question has no answer"
    assert seen.page.locator("h1").count() == 1 and seen.page.title(), "the page has one title"
    seen.ask(BY_SCENARIO)
    asked = parse_qs(urlsplit(seen.page.url).query)
    assert asked["sql"] == [BY_SCENARIO.replace("\n", " ")], f"the address holds the question: {seen.page.url}"
    heads, rows = seen.table()
    assert heads == ["scenario", "n", "best"], f"the table has the columns of the question: {heads}"
    assert rows and [row[0] for row in rows] == sorted(row[0] for row in rows), f"the table has its rows in their order: {rows}"
    assert all(len(row) == 3 and int(row[1].replace(",", "")) > 0 for row in rows), f"cells are values: {rows}"
    assert seen.page.input_value("#sql") == BY_SCENARIO.replace("\n", " "), "the question stays in the box"
    again = Watched(browser)
    again.open(seen.page.url)
    assert again.table() == (heads, rows), "the address opened again gives the same answer"
    seen.page.go_back()
    assert seen.page.input_value("#sql") == "", "one goes back to the page without a question"
    seen.open(link(BY_SCENARIO))
    assert seen.page.input_value("#sql") == BY_SCENARIO, "lines of a question stay lines"
    seen.page.click("button[type=submit]")
    assert seen.table() == (heads, rows), "the button asks as well"
    seen.quiet("asking")
    again.quiet("a link")


def numbers_and_markup_are_shown_as_they_are(browser):
    seen = Watched(browser)
    values = "select 1 as i, 0.5 as f, 'it''s' as t, date '2026-02-20' as d, true as b, null as nothing"
    seen.open(link(values + ", 9007199254740993 as large, make_array(1, 2) as l"))
    heads, rows = seen.table()
    assert heads == ["i", "f", "t", "d", "b", "nothing", "large", "l"], f"heads are names: {heads}"
    assert rows[0][:5] == ["1", "0.5", "it's", "2026-02-20", "true"], f"values are shown as they are: {rows}"
    assert rows[0][6].replace(",", "") == "9007199254740993" and rows[0][7] == "[1, 2]", f"nothing is rounded: {rows}"
    evil = "<img src=x onerror=alert(1)>"
    seen.open(link(f"select '{evil}' as a, '<script>alert(2)</script>' as \"<b>b</b>\" -- </textarea><script>alert(3)</script>"))
    heads, rows = seen.table()
    assert rows == [[evil, "<script>alert(2)</script>"]] and heads == ["a", "<b>b</b>"], f"markup in data is text: {heads} {rows}"
    assert "</textarea>" in seen.page.input_value("#sql"), "markup in the question is text"
    assert seen.page.locator("main img, main script, header script").count() == 0, "markup in data is no element"
    seen.open(link(f"select '{evil}' as a, 1 as b union all select 'x', 2", "bar"))
    assert evil in seen.page.locator("#answer svg").text_content(), "markup in a chart is text"
    seen.open(link(f"select '{evil}' from nowhere"))
    assert evil in seen.page.locator("[role=alert]").inner_text(), "markup in an error is text"
    seen.quiet("markup")


def a_head_sorts_the_table(browser):
    seen = Watched(browser)
    word = "case when value % 7 = 0 then 'seven' else 'no' end as word"
    seen.open(link(f"select value, value * 37 % 101 as mixed, {word} from generate_series(1, 40)"))

    def numbers(at):
        return [int(row[at].replace(",", "")) for row in seen.table()[1]]

    assert numbers(0) == list(range(1, 41)), "the rows are in their order first"
    head = seen.page.locator("#answer thead th").nth(1)
    head.locator("button").click()
    assert numbers(1) == sorted(numbers(1)) and head.get_attribute("aria-sort") == "ascending", f"a click sorts up: {numbers(1)}"
    head.locator("button").click()
    assert numbers(1) == sorted(numbers(1), reverse=True) and head.get_attribute("aria-sort") == "descending", (
        f"a second click sorts down: {numbers(1)}"
    )
    assert len(seen.table()[1]) == 40, "sorting keeps every row"
    seen.page.fill("input[type=search]", "seven")
    assert seen.page.locator("#answer tbody tr:visible").count() == 5, "a word leaves the rows that hold it"
    seen.quiet("sorting")


def charts_are_drawn(browser):
    seen = Watched(browser)
    drawn = seen.page.locator("#answer svg")
    seen.open(link(BY_SCENARIO))
    assert drawn.count() == 1, "a chart that suits is drawn"
    assert drawn.locator("title").first.text_content().strip(), "a chart has a title"
    bars = drawn.locator("rect").count()
    assert bars >= len(seen.table()[1]), f"a bar for each row: {bars}"
    pictures = {"auto": drawn.inner_html()}
    for kind in ("line", "hist", "bar"):
        seen.page.select_option("#chart", kind)
        with seen.page.expect_navigation():
            seen.page.click("button[type=submit]")
        assert parse_qs(urlsplit(seen.page.url).query)["chart"] == [kind], "the address holds the chart"
        assert seen.page.input_value("#chart") == kind, "the chart stays chosen"
        pictures[kind] = drawn.inner_html()
    assert pictures["bar"] == pictures["auto"] and len(set(pictures.values())) == 3, "each kind is a picture of its own"
    seen.page.select_option("#chart", "none")
    with seen.page.expect_navigation():
        seen.page.click("button[type=submit]")
    assert drawn.count() == 0 and seen.table()[1], "`none` leaves the table alone"
    seen.open(link("select 'a' as a", "bar"))
    assert "number" in seen.page.locator("[role=alert]").inner_text(), "a chart that cannot be drawn is told"
    seen.quiet("charts")


def errors_say_what_is_wrong(browser):
    seen = Watched(browser)
    wrong = "select scenari from scores"
    seen.open()
    seen.ask(wrong)
    alert = seen.page.locator("[role=alert]")
    assert alert.count() == 1, "an error is an alert"
    told = alert.inner_text()
    assert "scenari" in told and "line 1, column 8" in told and "^^^" in told, f"an error says the place: {told}"
    assert "did you mean `scenario`?" in told, f"an error has its hint: {told}"
    assert seen.page.input_value("#sql") == wrong, "the question stays in the box"
    assert seen.page.locator("#answer table, #answer svg").count() == 0, "an error has no table"
    seen.page.fill("#sql", wrong.replace("scenari", "scenario"))
    with seen.page.expect_navigation():
        seen.page.keyboard.press("Control+Enter")
    assert alert.count() == 0 and seen.table()[0] == ["scenario"], "the question is mended and answered"
    for refused in ("drop table scores", "select * from '/etc/passwd'", "select 1; select 2"):
        seen.open(link(refused))
        assert alert.count() == 1, f"`{refused}` is an error"
        assert seen.page.input_value("#sql") == refused, "the question stays in the box"
    seen.quiet("errors")


def downloads_are_the_answer(browser):
    seen = Watched(browser)
    columns = "scenario, rank, count(*) as n, rank / 3.0 as third, 'a, \"b\"' as word, cast(null as text) as nothing"
    seen.open(link(f"select {columns} from scores group by scenario, rank order by scenario, rank", "none"))
    heads, rows = seen.table()
    links = seen.page.locator(".downloads a")
    names = [name.strip() for name in links.all_inner_texts()]
    assert "csv" in names and len(names) >= 2, f"there are forms to choose from: {names}"
    for name in names:
        with seen.page.expect_download() as coming:
            seen.page.click(f".downloads a:text-is('{name}')")
        file = coming.value
        assert file.suggested_filename == f"answer.{name}", f"a file has a name: {file.suggested_filename}"
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / file.suggested_filename
            file.save_as(path)
            assert path.stat().st_size > 0, f"{name} has bytes"
            if name == "csv":
                found = list(csv.reader(path.open(encoding="utf-8", newline="")))
                shown = [heads] + [["" if cell == "NULL" else cell for cell in row] for row in rows]
                assert found == shown, f"the file has the rows of the table, NULL empty: {found[:3]} and {shown[:3]}"
    seen.quiet("downloads")


def links_lead_where_they_say(browser):
    seen = Watched(browser)
    seen.open()
    side = seen.page.locator("nav")
    saved = side.locator("a[title]")
    assert saved.count() > 0, "there are saved questions"
    for at in range(saved.count()):
        name = saved.nth(at).inner_text()
        saved.nth(at).click()
        told = seen.page.locator("#answer").inner_text()
        # One that compares nights has no answer after the first.
        answered = seen.page.locator("#answer table").count() == 1 or "no run was published before" in told
        assert answered, f"the saved question {name} has an answer: {told[:200]}"
        assert seen.page.input_value("#sql").strip(), f"the saved question {name} is in the box"
    schemas = side.locator("details")
    assert schemas.count() >= 3, "the schemas are listed"
    assert "current" in " ".join(schemas.locator("summary").all_inner_texts()), "the current run is a schema"
    for at in range(schemas.count()):
        schemas.nth(at).locator("summary").click()
        table = schemas.nth(at).locator("a").first
        name = table.inner_text()
        table.click()
        told = seen.page.locator("#answer").inner_text()
        assert seen.page.locator("#answer table").count() == 1, f"the table {name} is shown: {told[:200]}"
        assert name.strip() in seen.page.input_value("#sql"), f"the question names the table {name}"
    reports = side.locator("a[href^='/reports/']")
    assert reports.count() >= 2, "there is a night's report and the index"
    for address in [reports.nth(at).get_attribute("href") for at in range(reports.count())]:
        there = seen.page.goto(URL + address.lstrip("/"))
        assert there.status == 200 and seen.page.locator("h1").count() == 1, f"{address} is a report"
        seen.quiet(f"the report {address}")
    seen.quiet("links")


def the_keyboard_is_enough(browser):
    seen = Watched(browser)
    seen.open(link(BY_SCENARIO))
    reached = []
    for _ in range(80):
        seen.page.keyboard.press("Tab")
        here = seen.page.evaluate(
            """() => { const on = document.activeElement, box = on.getBoundingClientRect(), name = on.id || on.getAttribute('href');
            return [on.tagName, name || on.textContent.trim(), getComputedStyle(on).outlineStyle, box.width * box.height > 0] }"""
        )
        if here[0] == "BODY":
            break
        reached.append(here)
    kinds = [(tag, name) for tag, name, _, _ in reached]
    assert kinds[0] == ("A", "#answer"), f"the first is the link over the lists to the answer: {kinds[0]}"
    assert ("TEXTAREA", "sql") in kinds and ("SELECT", "chart") in kinds, f"the box and the chart are reached: {kinds}"
    assert any(tag == "BUTTON" for tag, _ in kinds), f"the button is reached: {kinds}"
    for part in ("/reports/", "/?sql=", "/answer.csv"):
        assert any(tag == "A" and part in name for tag, name in kinds), f"a link with {part} is reached: {kinds}"
    assert any(tag == "SUMMARY" for tag, _ in kinds), f"the lists of tables are reached: {kinds}"
    unseen = [here for here in reached if here[2] == "none" or not here[3]]
    assert not unseen, f"where one is can be seen: {unseen}"
    seen.page.focus("#sql")
    seen.page.keyboard.press("Tab")
    with seen.page.expect_navigation():
        seen.page.keyboard.press("Enter")
    assert seen.table()[1], "Tab and Enter ask"
    seen.quiet("the keyboard")


def a_phone_shows_it_all(browser):
    seen = Watched(browser, viewport=PHONE)
    long = "x" * 300
    pages = {
        "the start": URL,
        "an answer with a chart": link(BY_SCENARIO),
        "an answer with 12 columns": link(f"select {WIDE} from generate_series(1, 5)"),
        "an answer with a long word": link(f"select '{long}' as a, 1 as b union all select 'y', 2"),
        "a line": link("select date '2026-01-01' + value as day, value from generate_series(1, 50)"),
        "an error": link(f"select {long} from scores"),
        "an error of a table": link("select * from no_such_table_of_this_job_at_all_whatever_one_looks_for"),
    }
    for what, address in pages.items():
        seen.open(address)
        wide, room = seen.page.evaluate("[document.documentElement.scrollWidth, document.documentElement.clientWidth]")
        assert wide <= room, f"{what} stays within {room} pixels: {wide}"
    seen.quiet("a phone")


CHECKS = [
    a_question_is_typed_and_asked,
    numbers_and_markup_are_shown_as_they_are,
    a_head_sorts_the_table,
    charts_are_drawn,
    errors_say_what_is_wrong,
    downloads_are_the_answer,
    links_lead_where_they_say,
    the_keyboard_is_enough,
    a_phone_shows_it_all,
]


def main():
    failed = 0
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=sys.argv[2], args=["--no-sandbox"])
        for check in CHECKS:
            try:
                check(browser)
                print(f"ok {check.__name__}")
            except Exception as error:
                failed += 1
                print(f"failed {check.__name__}: {type(error).__name__}: {error}")
            for context in browser.contexts:
                context.close()
        browser.close()
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
