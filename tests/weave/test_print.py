"""The toy book as PDF and EPUB."""
import re
import shutil
import subprocess
import zipfile
from pathlib import Path
from xml.etree import ElementTree

import pytest

TOP = Path(__file__).resolve().parents[2]


@pytest.fixture
def pdf(toy):
    """Makes the PDF; returns its text, page by page."""
    for tool in ("xelatex", "latexmk", "pdftotext"):
        if not shutil.which(tool):
            pytest.skip(f"{tool} is not installed; ./setup book installs it")
    assert toy.weave("latex") == (0, "")
    figures = toy.path("build/figures/01-lamp")
    figures.mkdir(parents=True)
    shutil.copy(TOP / "figures/style.tex", toy.path("figures/style.tex"))
    subprocess.run(["xelatex", "-interaction=batchmode", f"-output-directory={figures}", "switch.tex"], check=True,
                   cwd=toy.path("figures/01-lamp"), stdout=subprocess.DEVNULL)
    subprocess.run(["latexmk", "-xelatex", "-interaction=nonstopmode", "-halt-on-error", "-outdir=out", "book.tex"],
                   cwd=toy.folder, check=True, capture_output=True)
    log = subprocess.run([TOP / "tools/weave/check-log", toy.path("out/book.log")], capture_output=True, text=True)
    assert (log.returncode, log.stderr) == (0, "")
    text = subprocess.run(["pdftotext", "-layout", toy.path("out/book.pdf"), "-"], capture_output=True, text=True).stdout
    return text.split("\f")


@pytest.mark.limit(300)
def test_the_pdf_names_pages_and_numbers(toy, pdf):
    numbered = {}
    for sheet in pdf:
        lines = [line.strip() for line in sheet.splitlines() if line.strip()]
        found = lines and (re.match(r"(\d+)\s+\d+ The", lines[0]) or re.search(r"\s(\d+)$", lines[0])
                           or re.match(r"(\d+)$", lines[-1]))
        if found:
            numbered[int(found[1])] = sheet
    whole = "\n".join(pdf)
    use = re.search(r"⟨keep the state (\d+)⟩", whole)
    assert use and "⟨keep the state 1.3⟩" in numbered[int(use[1])]
    for text in ("Figure 1.1", "Table 1.1", "Run 2.1", "Exercise 1.1", "Overlay 2.1", "What this chapter added",
                 "Index of identifiers", "chapters/02-bell.nw:23", "Hints", "日記"):
        assert text in whole, text


@pytest.mark.limit(300)
def test_the_pdf_breaks_no_heading_from_its_code(toy, pdf):
    for sheet in pdf:
        lines = [line.strip() for line in sheet.splitlines() if line.strip()]
        headings = [i for i, line in enumerate(lines) if re.search(r"⟩\+?≡\s+chapters/", line)]
        assert not headings or headings[-1] < len(lines) - 1


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
