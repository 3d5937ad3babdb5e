"""The web site of the toy book: numbers, links, overlays side by side, search, copying, life without JavaScript."""
import re
import shutil
import subprocess
from pathlib import Path

import pytest

TOP = Path(__file__).resolve().parents[2]


def plain(html):
    """The text of a piece of HTML, as a reader sees it."""
    text = re.sub(r"<[^>]+>", "", html)
    for name, character in (("&lt;", "<"), ("&gt;", ">"), ("&quot;", '"'), ("&#39;", "'"), ("&amp;", "&")):
        text = text.replace(name, character)
    return text


def chunk(html, anchor):
    """One chunk of a page, up to the end of its footer."""
    match = re.search(rf'<div class="chunk[^"]*" id="{anchor}".*?<div class="chunk-foot">.*?</div>', html, re.S)
    assert match, anchor
    return match[0]


def test_a_chunk_shows_number_place_and_permalink(toy):
    shown = chunk(toy.html("lamp"), "chunk-keep-the-state")
    line = toy.read("chapters/01-lamp.nw").splitlines().index("<<keep the state>>=") + 1
    assert '<a class="chunk-name" href="#chunk-keep-the-state">' in shown
    assert ">1.3</a>" in shown
    assert f"chapters/01-lamp.nw:{line}<" in shown
    assert f'id="L{line + 1}"' in shown


def test_every_line_of_code_carries_its_line_of_the_chapter(toy):
    page, source = toy.html("lamp"), toy.read("chapters/01-lamp.nw").splitlines()
    numbered = re.findall(r'<span class="l" id="L(\d+)" data-n="\d+">(.*?)</span>(?=\n|</code>)', page)
    assert len(numbered) > 30
    for number, html in numbered:
        written = re.sub(r"⟨(.*?) [\d.]+⟩", r"<<\1>>", plain(html))
        assert written == source[int(number) - 1]


def test_uses_of_chunks_and_identifiers_are_links(toy):
    shown = chunk(toy.html("lamp"), "chunk-kernel-lamp-lamp-c")
    assert '<a class="use" href="#chunk-keep-the-state">⟨keep the state <small>1.3</small>⟩</a>' in shown
    assert '<a class="use" href="bell.html#chunk-lamp-after-switching">' in shown
    assert '<a class="id" href="#chunk-keep-the-state">lamp_state</a>' in shown
    assert '<a class="id" href="#chunk-kernel-lamp-lamp-h">kernel/lamp/lamp.h</a>' in shown
    assert "/* lamp_state in a comment */" in plain(shown) and shown.count(">lamp_state</a>") == 2


def test_assembly_and_shifts_are_text_like_any_other(toy):
    page = toy.html("lamp")
    assembly = chunk(page, "chunk-kernel-lamp-start-s")
    assert '<span class="kw">movl</span>' in assembly and ">lamp_switch</a>" in assembly
    assert "lamp_state = on ? (1 << 3) | (on >> 1) : 0;" in plain(page)


def test_footers_tell_use_and_continuation(toy):
    page = toy.html("lamp")
    assert 'Used in <a href="#chunk-kernel-lamp-lamp-c">1.2</a>.' in chunk(page, "chunk-keep-the-state")
    begun = chunk(page, "chunk-lamp-declarations")
    assert 'Part 1 of 2; the others: <a href="bell.html#chunk-lamp-declarations-bell">2.2</a>.' in begun
    assert "Part 2 of 2" in chunk(toy.read("html/bell.html"), "chunk-lamp-declarations-bell")


def test_a_chapter_tells_what_it_added(toy):
    page = toy.html("bell")
    added = plain(page[page.index('id="bell-added"'):])
    assert "kernel/bell/bell.c 8 lines" in added
    assert "kernel/lamp/lamp.c ⟨lamp: after switching 2.1⟩ +2 lines in 2.1; woven in at 1.2" in added
    assert "kernel/lamp/lamp.h ⟨lamp: declarations 1.6⟩ +1 line in 2.2; woven in at 1.1" in added


def test_references_get_their_words(toy):
    text = plain(toy.html("lamp")).replace("\u00a0", " ")
    assert "as Figure 1.1 shows" in text
    assert "See Table 1.1 and Run 1.1, then do Exercise 1.1." in text
    assert "as in Section 1.1." in text
    assert "of Chapter 1 burns" in plain(toy.read("html/preface.html")).replace("\u00a0", " ")


def test_a_run_shows_its_command_and_links_its_lines(toy):
    page = toy.html("lamp")
    run = page[page.index('id="run-lamp-first"'):]
    line = toy.read("chapters/01-lamp.nw").splitlines().index("<<keep the state>>=") + 1
    assert "make run UPTO=01:lamp-first" in run
    assert '<span class="typed">light</span>' in run
    assert f'<a href="#L{line + 1}">chapters/01-lamp.nw:{line}</a>' in run
    other = toy.read("html/bell.html")
    line = toy.read("chapters/02-bell.nw").splitlines().index("<<count the ring>>=") + 2
    assert f">chapters/02-bell.nw:{line}</a>" in other
    assert "make run UPTO=02 OVERLAY=tests/02-bell/silent.nw CMDLINE=&quot;seed=1&quot;" in other


def test_an_overlay_stands_side_by_side(toy):
    page = toy.html("bell")
    overlay = page[page.index('id="bell-silent"'):]
    sides = re.findall(r'<div class="half [^"]*">.*?</div>', overlay, re.S)
    assert [plain(re.search(r'side-label">(.*?)</p>', side)[1]) for side in sides] == [
        "With the bug", "The book, 2.4", "Only in the overlay"]
    assert '<span class="l del">' in sides[0] and '<span class="l ins">' in sides[1]
    assert "Every second ring is lost" in overlay and "kind: bug" not in overlay
    assert "Must fail" in overlay and "bell.rings" in overlay


def test_a_file_of_its_own_is_included_as_it_is(toy):
    page = toy.html("bell")
    shown = re.search(r'<div class="chunk-head"><span class="chunk-name"><code>visitor.c</code>.*?</pre>', page, re.S)[0]
    assert toy.read("visitor.c").strip() in plain(shown)
    assert '<a class="id" href="#chunk-kernel-bell-bell-c">bell_ring</a>' in shown


def test_rows_of_the_code_become_a_table(toy):
    toy.change("chapters/02-bell.nw", "::: diary\n", """<<error codes: rows>>=
ERROR(TOO_LOUD, 71, "too loud")
ERROR(TOO_LATE, 9, "too late")
@

<<bell/errors.def>>=
<<error codes: rows>>
@

::: {.rows of=errors}
:::

::: {.rows of=calls}
:::

::: diary
""")
    page = toy.html("bell", "-d")
    assert page.index("ERR_TOO_LATE") < page.index("ERR_TOO_LOUD") and "too loud" in page
    assert "None yet." in page


def test_exercises_fold_their_hints(toy):
    page = toy.html("lamp")
    exercise = page[page.index('id="ex-lamp-dim"'):]
    assert "★★<span" in exercise and "make exercise EX=lamp/dim" in exercise
    assert exercise.count('<details class="hint">') == 2


def test_a_workshop_is_marked(toy):
    page = toy.html("lamp")
    inside = page[page.index('<section class="workshop">'):]
    assert "may be skipped" in inside and inside.index("chunk-lamp-declarations") < inside.index("</section>")


def test_indexes_lead_everywhere(toy):
    toy.html("lamp")
    assert '<a href="lamp.html#term-1">Chapter 1</a>' in toy.read("html/terms.html")
    identifiers = toy.read("html/identifiers.html")
    assert 'id="id-bell_ring"' in identifiers
    assert '<a href="bell.html#chunk-kernel-bell-bell-c">2.3</a>' in identifiers
    assert "⟨count the ring" in plain(toy.read("html/chunks.html"))


def test_no_link_is_broken_and_the_checker_can_tell(toy):
    toy.html("lamp")
    run = [TOP / "tools/link-check", toy.path("html")]
    good = subprocess.run(run, capture_output=True, text=True)
    assert good.returncode == 0 and " 0 broken" in good.stdout
    page = toy.path("html/lamp.html")
    page.write_text(page.read_text().replace('href="#chunk-keep-the-state">⟨keep', 'href="#chunk-gone">⟨keep')
                    .replace('id="lamp-workshop"', 'id="lamp-state"') + '<a href="gone.html">x</a>')
    bad = subprocess.run(run, capture_output=True, text=True)
    assert bad.returncode == 1
    assert "#chunk-gone leads to no anchor" in bad.stderr
    assert "gone.html leads to no file" in bad.stderr
    assert "the id lamp-state is there twice" in bad.stderr


def test_search_finds_sections_code_and_identifiers(toy):
    toy.html("lamp")
    entries = toy.data("search.js")
    state = next(entry for entry in entries if entry["t"] == "1.1 The state")
    assert state["u"] == "lamp.html#lamp-state" and "int before = lamp_state;" in state["x"]
    assert any(entry["t"] == "bell_ring" and entry["u"] == "bell.html#chunk-kernel-bell-bell-c" for entry in entries)
    assert any("The bell rang twice." in entry["x"] for entry in entries)


@pytest.mark.parametrize("root", ["kernel/lamp/lamp.h", "kernel/lamp/lamp.c", "kernel/bell/bell.c"])
def test_copied_code_is_what_is_compiled(toy, root):
    toy.html("lamp")
    copied = next(c for c in toy.data("chunks.js").values() if c["name"] == root)["code"]
    shift = subprocess.run(
        f"/usr/lib/noweb/markup chapters/*.nw | gawk -f {TOP}/tools/shift.awk | /usr/lib/noweb/nt -R{root}",
        shell=True, cwd=toy.folder, capture_output=True, text=True, check=True)
    assert copied.split() == shift.stdout.split()
    assert copied.rstrip("\n").splitlines() == [line.expandtabs(8) for line in shift.stdout.rstrip("\n").splitlines()]


def test_pages_need_no_javascript(toy):
    page = toy.html("lamp")
    without = re.sub(r"<script.*?</script>", "", page, flags=re.S)
    for part in ("The file begins", "⟨keep the state", "lamp: on", "Give the lamp three states"):
        assert part in plain(without)
    css = toy.read("html/style.css")
    assert ".search { position: relative; display: none }" in css and ".js .search { display: block }" in css
    assert "onclick=" not in page and 'href="javascript' not in page
    assert not re.search(r'(src|href)="(https?:)?//', page), "a page must not load anything from elsewhere"


def test_a_prefix_is_woven_alone(toy):
    page = toy.html("lamp", "-u", "01")
    assert not toy.path("html/bell.html").exists()
    assert "⟨lamp: after switching⟩" in plain(page)
    assert "the bell of a later chapter rings" in plain(toy.read("html/preface.html"))


def test_an_overlay_can_be_woven_into_the_book(toy):
    page = toy.html("bell", "-o", "tests/02-bell/silent.nw")
    assert "rings % 2" in plain(toy.read("html/tests-02-bell-silent-nw.html"))
    assert "as in the book" in plain(page)


@pytest.mark.limit(240)
def test_the_scripts_work_in_a_browser(toy):
    browser = shutil.which("chromium")
    if not browser:
        pytest.skip("chromium is not installed")
    toy.html("lamp")
    probe = """<script>addEventListener('load', async () => {
      const code = await nikkiCode('chunk-kernel-lamp-lamp-c');
      const input = document.getElementById('search');
      input.value = 'rings twice'; input.value = 'rang twice';
      await input.oninput();
      document.getElementById('theme').click();
      document.body.dataset.probe = [code.includes('static int lamp_state;'), document.querySelectorAll('.copy').length,
        document.querySelectorAll('#results a').length, document.documentElement.dataset.theme].join(' ');
    })</script></body>"""
    page = toy.path("html/lamp.html")
    page.write_text(page.read_text().replace("</body>", probe))
    shown = subprocess.run(
        [browser, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
         "--disable-background-networking", "--disable-component-update", "--disable-sync",
         f"--user-data-dir={toy.path('profile')}", "--virtual-time-budget=5000", "--dump-dom", page.as_uri()],
        capture_output=True, text=True, timeout=200).stdout
    found = re.search(r'data-probe="([^"]*)"', shown)
    assert found, "the page's script did not run to its end"
    assert found[1] == "true 7 1 dark"
