"""The toy book as PDF and EPUB."""
import re
import shutil
import subprocess
import zipfile
from pathlib import Path
from xml.etree import ElementTree

import pytest

TOP = Path(__file__).resolve().parents[2]


def tools_for_print():
    for tool in ("xelatex", "pdftotext"):
        if not shutil.which(tool):
            pytest.skip(f"{tool} is not installed; ./setup book installs it")


def text_of(path):
    """A PDF's text, sheet by sheet."""
    return subprocess.run(["pdftotext", "-layout", path, "-"], capture_output=True, text=True).stdout.split("\f")


def make_volumes(toy):
    """Makes both PDFs in out/; returns the text of each, sheet by sheet."""
    tools_for_print()
    assert toy.weave("latex") == (0, "")
    figures = toy.path("build/figures/01-lamp")
    figures.mkdir(parents=True)
    shutil.copy(TOP / "figures/style.tex", toy.path("figures/style.tex"))
    subprocess.run(["xelatex", "-interaction=batchmode", f"-output-directory={figures}", "switch.tex"], check=True,
                   cwd=toy.path("figures/01-lamp"), stdout=subprocess.DEVNULL)
    done = subprocess.run([TOP / "tools/weave/print", "out", "book", "workshop"], cwd=toy.folder, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    log = subprocess.run([TOP / "tools/weave/check-log", toy.path("out/book.log"), toy.path("out/workshop.log")],
                         capture_output=True, text=True)
    assert (log.returncode, log.stderr) == (0, "")
    return {name: text_of(toy.path(f"out/{name}.pdf")) for name in ("book", "workshop")}


@pytest.fixture
def volumes(toy):
    return make_volumes(toy)


@pytest.fixture
def pdf(volumes):
    return volumes["book"]


def numbered(sheets):
    """The pages with a number, by their numbers."""
    found = {}
    for sheet in sheets:
        lines = [line.strip() for line in sheet.splitlines() if line.strip()]
        number = lines and (re.match(r"(\d+)\s+\d+ The", lines[0]) or re.search(r"\s(\d+)$", lines[0])
                            or re.match(r"(\d+)$", lines[-1]))
        if number:
            found[int(number[1])] = sheet
    return found


@pytest.mark.limit(300)
def test_the_pdf_names_pages_and_numbers(pdf):
    whole = "\n".join(pdf)
    use = re.search(r"⟨keep the state (\d+)⟩", whole)
    assert use and "⟨keep the state 1.3⟩" in numbered(pdf)[int(use[1])]
    for text in ("Figure 1.1", "Table 1.1", "Run 2.1", "Exercise 1.1", "Overlay 2.1", "What this chapter added",
                 "Index of identifiers", "chapters/02-bell.nw:23", "Hints", "日記", "Volume one: the book"):
        assert text in whole, text


@pytest.mark.limit(300)
def test_workshops_are_a_volume_of_their_own(toy, volumes):
    book, workshop = ("\n".join(volumes[name]) for name in ("book", "workshop"))
    assert "A second variant of the thing" in workshop and "A second variant of the thing" not in book
    assert "The bell rang twice." in book and "The bell" not in workshop
    assert "Volume two: the workshop" in workshop and "The other half." in workshop
    assert "1.3.1 Declarations" in re.sub(r" +", " ", workshop)
    pages = numbered(volumes["workshop"])
    note = re.search(r"In the second volume, from page W(\d+) on: 1 line of code", book)
    assert note and "workshop of the chapter" in pages[int(note[1])]
    # Both ways, each reference names a page of the other volume on which its target stands.
    part = re.search(r"Section 1.3.1 \(Workshop, page (\d+)\)", re.sub(r"\s+", " ", book))
    assert part and "1.3.1" in pages[int(part[1])]
    assert re.search(r"the workshop \(page W\d+\)", re.sub(r"\s+", " ", book))
    back = re.search(r"Section 1.1 \(the book, page (\d+)\)", re.sub(r"\s+", " ", workshop))
    assert back and re.search(r"1.1 +The state", numbered(volumes["book"])[int(back[1])])
    assert re.search(r"⟨keep the state B\d+⟩", workshop) and re.search(r"W1\.6", book)
    assert re.search(r"filament +W\d+", book)
    links = subprocess.run([TOP / "tools/link-check", TOP / "tests/weave/toy", toy.path("out/book.pdf"),
                            toy.path("out/workshop.pdf")], capture_output=True, text=True)
    assert links.stderr == "" and " 0 broken" in links.stdout


@pytest.mark.limit(300)
def test_a_pdf_whose_links_lead_nowhere_is_found_out(toy, volumes):
    def check(name):
        done = subprocess.run([TOP / "tools/link-check", toy.path("html"), toy.path(f"out/{name}.pdf")],
                              capture_output=True, text=True)
        return done.returncode, done.stderr
    toy.html("lamp")
    assert check("book")[0] == 0
    # The other volume alone is set anew, without what the first one leads to.
    text = toy.read("out/workshop.tex")
    toy.path("out/workshop.tex").write_text(re.sub(r"\\shopchapter\{.*", r"\\chapter*{Gone}", text, 1))
    subprocess.run([TOP / "tools/weave/print", "out", "workshop"], cwd=toy.folder, capture_output=True)
    status, said = check("book")
    assert status == 1 and re.search(r"a link leads to \S+, which is no place in workshop.pdf", said)
    toy.path("out/workshop.pdf").unlink()
    status, said = check("book")
    assert status == 1 and "a link leads to workshop.pdf, and there is no such file beside it" in said


@pytest.mark.limit(300)
def test_a_reference_to_nothing_fails_in_either_volume(toy, volumes):
    for name, other in (("book", "workshop"), ("workshop", "book")):
        toy.change(f"out/{name}.tex", "\\end{document}", "\\nwuse{1}{nowhere} and page \\pagein{elsewhere}\n\\end{document}")
        done = subprocess.run([TOP / "tools/weave/print", "out", "book", "workshop"], cwd=toy.folder)
        assert done.returncode == 0
        log = [TOP / "tools/weave/check-log", toy.path(f"out/{name}.log")]
        said = subprocess.run(log, capture_output=True, text=True)
        assert said.returncode == 1 and "`elsewhere' on page" in said.stderr and "`nowhere' on page" in said.stderr
        links = subprocess.run([TOP / "tools/link-check", toy.path("out"), toy.path(f"out/{name}.pdf")],
                               capture_output=True, text=True)
        assert links.returncode == 1 and "?? on sheet" in links.stderr


@pytest.mark.limit(300)
def test_a_document_that_latex_refuses_is_told(toy, volumes):
    toy.change("out/workshop.tex", "\\end{document}", "\\nosuchmacro\n\\end{document}")
    done = subprocess.run([TOP / "tools/weave/print", "out", "book", "workshop"], cwd=toy.folder, capture_output=True, text=True)
    assert done.returncode == 1
    assert "Undefined control sequence" in done.stderr and "out/workshop.log" in done.stderr


@pytest.mark.limit(300)
def test_the_pdf_breaks_no_heading_from_its_code(volumes):
    for sheet in volumes["book"] + volumes["workshop"]:
        lines = [line.strip() for line in sheet.splitlines() if line.strip()]
        headings = [i for i, line in enumerate(lines) if re.search(r"⟩\+?≡\s+chapters/", line)]
        assert not headings or headings[-1] < len(lines) - 1


@pytest.mark.limit(300)
def test_a_line_of_100_columns_is_not_broken(toy):
    wide = ("/* " + 20 * "wide " + "*/")[:97].ljust(98, ".") + "*/"
    assert len(wide) == 100
    for line in ("static int lamp_state;", "void lamp_start(void);"):
        toy.change("chapters/01-lamp.nw", line, f"{line}\n{wide}")
    toy.change("tests/02-bell/silent.nw", "lost++;", f"lost++;\n{wide}")
    volumes = make_volumes(toy)
    whole = [line for sheets in volumes.values() for sheet in sheets for line in sheet.splitlines() if wide in line]
    assert len(whole) == 3


def test_the_epub_is_whole(toy):
    assert toy.weave("epub") == (0, "")
    book = toy.path("book.epub")
    subprocess.run([TOP / "tools/weave/epub/pack", toy.path("epub"), book], check=True)
    first = book.read_bytes()
    subprocess.run([TOP / "tools/weave/epub/pack", toy.path("epub"), book], check=True)
    assert book.read_bytes() == first
    with zipfile.ZipFile(book) as archive:
        names = archive.namelist()
        assert names[0] == "mimetype" and archive.read("mimetype") == b"application/epub+zip"
        pages = {name: ElementTree.fromstring(archive.read(name)) for name in names if name.endswith(".xhtml")}
    ids = {name: {e.get("id") for e in page.iter() if e.get("id")} for name, page in pages.items()}
    links = 0
    for name, page in pages.items():
        for link in page.iter("{http://www.w3.org/1999/xhtml}a"):
            file, _, anchor = (link.get("href") or "").partition("#")
            if link.get("href") and "://" not in file:
                target = f"book/{file}" if file else name
                assert target in pages and (not anchor or anchor in ids[target]), link.get("href")
                links += 1
    assert links > 100


@pytest.mark.limit(300)
def test_epubcheck_is_content(toy):
    checker = next((p for p in ("/usr/bin/epubcheck", "/usr/share/java/epubcheck.jar") if Path(p).exists()), None)
    if not checker or not shutil.which("java"):
        pytest.skip("epubcheck is not installed")
    assert toy.weave("epub") == (0, "")
    book = toy.path("book.epub")
    subprocess.run([TOP / "tools/weave/epub/pack", toy.path("epub"), book], check=True)
    done = subprocess.run(["java", "-jar", checker, book], capture_output=True, text=True)
    assert done.returncode == 0 and "No errors or warnings detected." in done.stdout + done.stderr
