"""What the tangler writes, and what it leaves alone."""
import os
import pathlib
import re
import subprocess

import pytest

TOP = pathlib.Path(__file__).resolve().parents[2]


def test_every_root_is_written(three):
    assert three.tangle().returncode == 0
    assert three.files() == ["kernel/boot/main.c", "kernel/memory/frame.c", "kernel/memory/late.c"]
    assert three.code("kernel/boot/main.c") == (
        "int counter; int kernel_main(void) { memory_initialise(); memory_report(); tasks_initialise(); "
        "counter = counter + 1; return counter; }")


def test_line_directives_name_the_chapter(three):
    three.tangle()
    text = three.read("kernel/boot/main.c")
    assert text.startswith('#line 5 "chapters/01-boot.nw"\nint counter;\n')
    assert '#line 16 "chapters/01-boot.nw"\ncounter = counter + 1;\n' in text


def test_only_what_cpp_reads_gets_line_directives(book):
    book.write("chapters/01-boot.nw", "".join(
        f"<<kernel/boot/a.{end}>>=\nfirst\n    <<hole>>\n@\n" for end in ("c", "h", "S", "def", "ld", "sh", "py")) +
        "<<hole>>=\ninside\ndeep\n@\n")
    assert book.tangle().returncode == 0
    for end in ("c", "h", "S", "def"):
        assert "#line" in book.read(f"kernel/boot/a.{end}")
    for end in ("ld", "sh", "py"):
        assert book.read(f"kernel/boot/a.{end}") == "first\n    inside\n    deep\n"


def test_plain_text_is_indented(three):
    assert three.run("tools/tangle", "-p", "-d", "plain").returncode == 0
    text = (three.folder / "plain/kernel/boot/main.c").read_text()
    assert "#line" not in text
    assert "    counter = counter + 1;\n" in text


def test_a_file_without_change_stays_untouched(three):
    three.tangle()
    path = three.folder / "out/kernel/memory/frame.c"
    os.utime(path, (1000, 1000))
    three.tangle()
    assert path.stat().st_mtime == 1000
    text = (three.folder / "chapters/02-memory.nw").read_text()
    three.write("chapters/02-memory.nw", text.replace("frames();", "all_frames();"))
    boot = three.folder / "out/kernel/boot/main.c"
    os.utime(boot, (1000, 1000))
    three.tangle()
    assert path.stat().st_mtime != 1000
    assert boot.stat().st_mtime == 1000


def test_stale_files_go_and_gitignore_stays(three):
    three.tangle()
    three.write("out/.gitignore", "*\n")
    three.write("out/kernel/old/gone.c", "int gone;\n")
    (three.folder / "chapters/02-memory.nw").unlink()
    assert three.tangle().returncode == 0
    assert three.files() == [".gitignore", "kernel/boot/main.c"]
    assert not (three.folder / "out/kernel/old").exists()


def test_nothing_is_written_when_a_check_fails(three):
    three.tangle()
    before = {name: three.read(name) for name in three.files()}
    three.write("chapters/03-tasks.nw", "<<kernel/new/new.c>>=\nnew\n@\n<<nobody needs this>>=\n1\n@\n")
    assert three.tangle().returncode != 0
    assert {name: three.read(name) for name in three.files()} == before


@pytest.mark.parametrize("line", [
    "int y = (a << 3) | (b >> 5);",
    "y = a << 3;",
    "y = b >> 3;",
    "y = (a << 1) | (b << 2) | (c >> 3) | (d >> 4);",
    "y <<= 2; z >>= 3;",
    "y = (a << 3) >> 2;",
    'puts("a << b >> c");',
    "#define SHIFT(a, b) ((a) << (b))",
])
def test_shifts_in_c_are_no_chunks(book, line):
    book.write("chapters/01-boot.nw", f"<<kernel/boot/a.c>>=\n{line}\n@\n")
    result = book.tangle()
    assert result.returncode == 0, result.stderr
    assert book.read("kernel/boot/a.c") == f'#line 2 "chapters/01-boot.nw"\n{line}\n'


def test_a_shift_before_a_chunk_on_the_same_line(book):
    book.write("chapters/01-boot.nw", "<<kernel/boot/a.c>>=\ny = (a << 3) | <<the rest>>;\n@\n"
               "<<the rest>>=\nb\n@\n")
    assert book.tangle().returncode == 0
    assert book.code("kernel/boot/a.c") == "y = (a << 3) | b ;"


def test_a_shift_without_spaces_is_told(book):
    book.write("chapters/01-boot.nw", "<<kernel/boot/a.c>>=\ny = a<<3 | b>>5;\n@\n")
    result = book.tangle()
    assert result.returncode != 0
    assert "chapters/01-boot.nw:2: error: <<3 | b>> is used but never defined" in result.stderr
    assert "spaces" in result.stderr


def test_escapes(book):
    book.write("chapters/01-boot.nw", "<<kernel/boot/a.c>>=\ny = a@<<3;\n@@type\n@\nIn prose: @<<.\n")
    assert book.tangle().returncode == 0
    assert book.code("kernel/boot/a.c") == "y = a<<3; @type"


def test_audit_finds_every_lie(three):
    three.tangle()
    result = three.run("tools/audit-lines", "out")
    assert result.returncode == 0 and "100.00 %" in result.stdout
    path = three.folder / "out/kernel/boot/main.c"
    path.write_text(path.read_text().replace("#line 16", "#line 15"))
    result = three.run("tools/audit-lines", "out")
    assert result.returncode == 1
    assert "out/kernel/boot/main.c" in result.stderr and "chapters/01-boot.nw:15" in result.stderr
    path.write_text("no directive\n")
    assert three.run("tools/audit-lines", "out").returncode == 1


def test_audit_of_prefix_and_overlay(three):
    overlay = three.write("tests/o.nw", "kind: experiment\n\n<<count upwards>>=\nif (1) { <<count upwards>> }\n@\n"
                          "<<kernel: initialise>>=\nbefore();\n<<kernel: initialise>>\n@\n")
    for options in (["-u", "02"], ["-u", "02:memory-first"], ["-o", overlay], ["-u", "01", "-o", overlay]):
        assert three.tangle(*options).returncode == 0
        result = three.run("tools/audit-lines", "out")
        assert result.returncode == 0 and "100.00 %" in result.stdout, result.stderr


# --- The real book --------------------------------------------------------------------------------------

def chapters():
    return sorted(path.name[:2] for path in (TOP / "chapters").glob("[0-9][0-9]-*.nw"))


def audit_real(folder, *options):
    subprocess.run(["tools/tangle", *options, "-d", folder], cwd=TOP, check=True, timeout=60)
    result = subprocess.run(["tools/audit-lines", folder], cwd=TOP, text=True, capture_output=True, timeout=60,
                            check=False)
    assert result.returncode == 0, result.stderr
    assert "100.00 % agree" in result.stdout
    assert not re.search(r"\b0 lines", result.stdout)


def test_audit_of_the_book(tmp_path):
    audit_real(tmp_path / "out")


@pytest.mark.parametrize("number", chapters())
def test_audit_of_each_prefix(tmp_path, number):
    audit_real(tmp_path / "out", "-u", number)


def cuts():
    found = []
    for path in sorted((TOP / "chapters").glob("[0-9][0-9]-*.nw")):
        for block in re.findall(r"^:::+ *\{([^}]*\.run[^}]*)\}", path.read_text(encoding="utf-8"), re.MULTILINE):
            if "upto=" not in block or "upto=here" in block:
                found.append(f"{path.name[:2]}:{re.search('#([A-Za-z0-9_-]+)', block)[1]}")
    return found


@pytest.mark.parametrize("cut", cuts())
def test_every_cut_of_the_book_leaves_whole_chunks(tmp_path, cut):
    result = subprocess.run(["tools/tangle", "-u", cut, "-d", tmp_path / "out"], cwd=TOP, text=True, capture_output=True,
                            timeout=60, check=False)
    assert result.returncode == 0, result.stderr


def overlays():
    """A spread of the book's overlays; the tests of overlays and exercises boot all of them."""
    found = sorted((TOP / "tests").glob("[0-9][0-9]-*/*.nw"))
    return [str(path.relative_to(TOP)) for path in found[::max(1, len(found) // 5)]]


@pytest.mark.parametrize("overlay", overlays())
def test_audit_of_overlays(tmp_path, overlay):
    audit_real(tmp_path / "out", "-o", overlay)
