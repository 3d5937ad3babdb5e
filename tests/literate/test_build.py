"""From chapters to a kernel: what is compiled again and what is not, variants, the table for backtraces."""
import os
import re
import shutil
import struct
import subprocess

import pytest

import harness
from toy_book import TOP

KERNEL = """\
# Boot {#boot}

<<kernel/boot/kernel.ld>>=
ENTRY(start)
PHDRS { head PT_LOAD; note PT_NOTE; text PT_LOAD; }
SECTIONS {
    . = 0x100000;
    .head : { *(.head) } :head
    .note : { *(.note.pvh) } :head :note
    . = 0xffffffff80101000;
    .text : AT(ADDR(.text) - 0xffffffff80000000) { *(.text*) } :text
    .data : AT(ADDR(.data) - 0xffffffff80000000) { *(.rodata*) *(.data*) *(.bss*) } :text
    .symbols : AT(ADDR(.symbols) - 0xffffffff80000000) { *(.symbols) } :text
    kernel_end = .;
    /DISCARD/ : { *(.comment) }
}
@

<<kernel/boot/start.S>>=
.section .head, "ax"
.balign 8
header: .long 0xe85250d6, 0, header_end - header, -(0xe85250d6 + header_end - header)
    .word 0, 0
    .long 8
header_end:
.section .note.pvh, "a", @note
    .long 4, 4, 18
    .asciz "Xen"
    .long start
.section .head, "ax"
.code32
.globl start
start:
    mov $0x3f8, %dx
    mov $'!', %al
    out %al, %dx
    mov $0xf4, %dx
    <<choose the verdict>>
    out %eax, %dx
1:  hlt
    jmp 1b
@

The machine says how it went.
<<choose the verdict>>=
mov $0x10, %eax
@

<<kernel/boot/main.c>>=
#include "kernel/boot/numbers.h"

int first(int a)
{
    return a + ONE;
}

int second(int a)
{
    <<compute the second>>
}
@

More words.
<<compute the second>>=
return first(a) * first(a + 1);
@

<<kernel/boot/other.c>>=
int other(int a)
{
    return a - 1;
}
@

<<kernel/boot/third.c>>=
#include "kernel/boot/numbers.h"
int third(void)
{
    return ONE;
}
@

<<kernel/boot/numbers.h>>=
#define ONE 1
@
"""


@pytest.fixture
def kernel(book):
    """A small book whose kernel boots, says "!" and ends with a verdict."""
    book.write("chapters/01-boot.nw", KERNEL)
    book.write("chapters/02-more.nw", "# More\n<<kernel/more/more.c>>=\nint more;\n@\n")
    shutil.copy(TOP / "Makefile", book.folder)
    shutil.copytree(TOP / "userland", book.folder / "userland")
    (book.folder / "build").mkdir()
    return book


def make(book, *arguments, ok=True, **environment):
    """Runs make there, free of what the make around the tests has put into the environment."""
    unset = [option for name in ("UPTO", "OVERLAY", "MAKEFLAGS", "MAKELEVEL", "MAKEOVERRIDES", "MFLAGS", "CMDLINE",
                                 "WERROR") for option in ("-u", name)]
    result = book.run("env", *unset, "make", *arguments, **environment)
    assert (result.returncode == 0) == ok, result.stdout + result.stderr
    return result


def edit(book, old, new, name="chapters/01-boot.nw"):
    path = book.folder / name
    text = path.read_text()
    assert text.count(old) == 1
    path.write_text(text.replace(old, new))


def compiled(book, *arguments):
    """Names of the objects that this make writes."""
    objects = book.folder / "build"
    before = {path: path.stat().st_mtime_ns for path in objects.rglob("kernel/**/*.o")}
    make(book, *arguments)
    return sorted(path.name for path in objects.rglob("kernel/**/*.o") if before.get(path) != path.stat().st_mtime_ns)


def test_only_what_contains_the_change_is_compiled(kernel):
    assert compiled(kernel, "kernel") == ["main.o", "more.o", "other.o", "start.o", "third.o"]
    assert compiled(kernel, "kernel") == []
    edit(kernel, "return a - 1;", "return a - 2;")
    assert compiled(kernel, "kernel") == ["other.o"]
    edit(kernel, "#define ONE 1", "#define ONE 2")
    assert compiled(kernel, "kernel") == ["main.o", "third.o"]
    edit(kernel, "More words.", "Other words.")
    assert compiled(kernel, "kernel") == []


def test_an_edit_reaches_the_kernel(kernel):
    make(kernel, "kernel")
    before = (kernel.folder / "build/kernel.elf").read_bytes()
    edit(kernel, "return a - 1;", "return a - 2;")
    make(kernel, "kernel")
    after = (kernel.folder / "build/kernel.elf").read_bytes()
    assert before != after
    edit(kernel, "return a - 2;", "return a - 1;")
    make(kernel, "kernel")
    assert (kernel.folder / "build/kernel.elf").read_bytes() == before


def test_a_removed_file_leaves_the_kernel(kernel):
    make(kernel, "kernel")
    edit(kernel, "<<kernel/boot/other.c>>=\nint other(int a)\n{\n    return a - 1;\n}\n@\n", "")
    make(kernel, "kernel")
    names = subprocess.run(["nm", "build/kernel.elf"], cwd=kernel.folder, capture_output=True, text=True, check=True)
    assert " second" in names.stdout and " other" not in names.stdout


def test_a_removed_file_leaves_the_kernel_though_no_other_changes(kernel):
    kernel.write("chapters/02-more.nw", "# More\n")
    make(kernel, "kernel")
    names = subprocess.run(["nm", "build/kernel.elf"], cwd=kernel.folder, capture_output=True, text=True, check=True)
    assert " more" not in names.stdout
    kernel.write("chapters/02-more.nw", "# More\n<<kernel/more/more.c>>=\nint more;\n@\n")
    make(kernel, "kernel")
    names = subprocess.run(["nm", "build/kernel.elf"], cwd=kernel.folder, capture_output=True, text=True, check=True)
    assert " more" in names.stdout
    kernel.write("chapters/02-more.nw", "# More\n")
    make(kernel, "kernel")
    names = subprocess.run(["nm", "build/kernel.elf"], cwd=kernel.folder, capture_output=True, text=True, check=True)
    assert " more" not in names.stdout


def test_the_disk_follows_its_list(kernel):
    def listing():
        return subprocess.run(["mdir", "-b", "-i", "build/disk.img", "::/"], cwd=kernel.folder, capture_output=True,
                              text=True, check=True).stdout
    (kernel.folder / "tools").unlink()
    shutil.copytree(TOP / "tools", kernel.folder / "tools")
    kernel.write("tools/user.mk", "DISK_FILES += Makefile:/M.TXT\n")
    make(kernel, "disk")
    assert "M.TXT" in listing()
    before = (kernel.folder / "build/disk.img").stat().st_mtime_ns
    make(kernel, "disk")
    assert (kernel.folder / "build/disk.img").stat().st_mtime_ns == before
    kernel.write("tools/user.mk", "")
    make(kernel, "disk")
    assert "M.TXT" not in listing() and "HELLO.TXT" in listing()


def test_compiler_speaks_of_the_chapter(kernel):
    edit(kernel, "return first(a) * first(a + 1);", "return first(a) * frist(a + 1);")
    text = make(kernel, "kernel", ok=False, WERROR="1").stderr
    line = KERNEL.splitlines().index("return first(a) * first(a + 1);") + 1
    assert f"chapters/01-boot.nw:{line}:" in text
    assert "tangle/" not in "".join(row for row in text.splitlines() if "frist" in row)


def test_warnings_come_again_from_the_cache(kernel):
    edit(kernel, "return a - 1;", "int unused; return a - 1;")
    first = make(kernel, "kernel").stderr
    shutil.rmtree(kernel.folder / "build/kernel")
    second = make(kernel, "kernel").stderr
    assert "unused variable" in first and "unused variable" in second
    assert make(kernel, "kernel").stderr == ""
    assert "unused variable" in make(kernel, "kernel", "WERROR=1", ok=False).stderr
    edit(kernel, "int unused; ", "")
    make(kernel, "kernel", "WERROR=1")


def test_a_broken_chapter_stops_make(kernel):
    edit(kernel, "    <<compute the second>>", "    <<compute the third>>")
    result = make(kernel, "kernel", ok=False)
    assert "chapters/01-boot.nw:" in result.stderr and "<<compute the third>> is used but never defined" in result.stderr
    assert not (kernel.folder / "build/kernel.elf").exists()


# --- Variants -------------------------------------------------------------------------------------------

def test_variants_have_folders_of_their_own(kernel):
    overlay = kernel.write("tests/01-boot/red.nw", "kind: sabotage\n\n<<choose the verdict>>=\nmov $0x11, %eax\n@\n")
    other = kernel.write("work/red.nw", "kind: answer\n\n<<choose the verdict>>=\nmov $0x12, %eax\n@\n")
    make(kernel, "kernel")
    book = (kernel.folder / "build/kernel.elf").read_bytes()
    names = set()
    for arguments, code in ((["UPTO=1"], 0x10), ([f"OVERLAY={overlay}"], 0x11), ([f"OVERLAY={other}"], 0x12),
                            (["UPTO=01", f"OVERLAY={overlay}"], 0x11), ([f"OVERLAY={other} {overlay}"], 0x11),
                            ([f"OVERLAY={overlay} {other}"], 0x12)):
        folder = make(kernel, "all", *arguments).stdout.splitlines()[-1]
        names.add(folder)
        image = kernel.folder / folder / "kernel.elf"
        result = kernel.run("tools/qemu", folder, BOOT="kernel", DISK="none")
        assert result.returncode == {0x10: 0, 0x11: 1, 0x12: 2}[code], image
    assert len(names) == 6
    assert "build/UPTO-01" in names and "build/OVERLAY-01-boot.red" in names
    assert (kernel.folder / "build/kernel.elf").read_bytes() == book


def test_variants_share_objects(kernel):
    overlay = kernel.write("tests/01-boot/red.nw", "kind: sabotage\n\n<<choose the verdict>>=\nmov $0x11, %eax\n@\n")
    make(kernel, "kernel")
    cache = kernel.folder / "build/cache"
    count = len(list(cache.glob("whole-*.o")))
    make(kernel, "kernel", f"OVERLAY={overlay}")
    assert len(list(cache.glob("whole-*.o"))) == count + 1
    make(kernel, "kernel", "UPTO=01")
    assert len(list(cache.glob("whole-*.o"))) == count + 1


def test_shared_objects_are_what_compiling_gives(kernel):
    overlay = kernel.write("tests/01-boot/red.nw", "kind: sabotage\n\n<<kernel/boot/numbers.h>>=\n#define ONE 2\n@\n")
    make(kernel, "kernel")
    assert compiled(kernel, "kernel", f"OVERLAY={overlay}") == ["main.o", "more.o", "other.o", "start.o", "third.o"]
    folder = kernel.folder / "build/OVERLAY-01-boot.red"
    shared = (folder / "kernel.elf").read_bytes()
    for name in ("cache", "OVERLAY-01-boot.red"):
        shutil.rmtree(kernel.folder / "build" / name)
    make(kernel, "kernel", f"OVERLAY={overlay}")
    assert (folder / "kernel.elf").read_bytes() == shared
    assert (kernel.folder / "build/kernel.elf").read_bytes() != shared
    edit(kernel, "return a - 1;", "return a - 3;")
    assert compiled(kernel, "kernel", f"OVERLAY={overlay}") == ["other.o"]


def test_builds_that_compile_the_same_at_once(book):
    """Each of six makes the object for itself, and all but one find at the end that another was quicker."""
    book.write("tangle/a.c", "int f(void)\n{\n    return 1;\n}\n")
    for attempt in range(40):
        shutil.rmtree(book.folder / "build", ignore_errors=True)
        for name in range(6):
            (book.folder / f"build/{name}").mkdir(parents=True)
            (book.folder / f"build/{name}/a.key").write_text("whole-a")
        builds = [subprocess.Popen(["tools/compile", f"build/{name}/a.o", "tangle/a.c", "tangle", "gcc", "-O2"],
                                   cwd=book.folder, stderr=subprocess.PIPE, text=True) for name in range(6)]
        problems = [problem for build in builds if (problem := build.communicate()[1]) or build.returncode]
        assert problems == [], f"attempt {attempt}"
        objects = {(book.folder / f"build/{name}/a.o").read_bytes() for name in range(6)}
        assert objects == {(book.folder / "build/cache/whole-a.o").read_bytes()}
        assert not [path for path in os.listdir(book.folder / "build/cache") if path.count(".") > 1]


def test_a_shared_object_depends_on_its_headers(kernel):
    """What came from the cache is made again when a header changes."""
    make(kernel, "kernel")
    make(kernel, "kernel", "UPTO=01")
    edit(kernel, "#define ONE 1", "#define ONE 9")
    assert compiled(kernel, "kernel", "UPTO=01") == ["main.o", "third.o"]


def test_unused_leftovers_of_an_overlay_are_no_warning(kernel):
    edit(kernel, "int other(int a)\n", "static int helper(int a) { return a; }\nint other(int a)\n")
    edit(kernel, "    return a - 1;\n", "    <<help the other>>\n")
    edit(kernel, "<<kernel/boot/third.c>>=\n", "<<help the other>>=\nreturn helper(a);\n@\n<<kernel/boot/third.c>>=\n")
    assert make(kernel, "kernel").stderr == ""
    overlay = kernel.write("tests/01-boot/o.nw", "kind: naive\n\n<<help the other>>=\nreturn a;\n@\n")
    assert make(kernel, "kernel", f"OVERLAY={overlay}").stderr == ""


@pytest.mark.parametrize("one, other", [
    ("tests/02-memory/a.nw", "tests/02-memory/b.nw"),
    ("tests/02-memory/a-b.nw", "tests/02-memory/a/b.nw"),
    ("tests/02-memory/a.b.nw", "tests/02-memory/a/b.nw"),
    ("work/memory/a.nw", "tests/02-memory/a.nw"),
    ("/tmp/1/a.nw", "/tmp/2/a.nw"),
    ("02-memory/a.nw", "tests/02-memory/a.nw"),
    ("tests/02-memory/a.nw tests/02-memory/b.nw", "tests/02-memory/b.nw tests/02-memory/a.nw"),
])
def test_no_two_variants_share_a_name(book, one, other):
    names = [book.run("tools/variant", "", overlays).stdout for overlays in (one, other)]
    assert all(names) and names[0] != names[1]
    assert all("/" not in name for name in names)


def test_variant_names(book):
    assert book.run("tools/variant", "", "").stdout == "\n"
    assert book.run("tools/variant", "6", "").stdout == "UPTO-06\n"
    assert book.run("tools/variant", "06:first-send", "").stdout == "UPTO-06-first-send\n"
    assert book.run("tools/variant", "06", "tests/06-ipc/polling.nw").stdout == "UPTO-06+OVERLAY-06-ipc.polling\n"


def test_unknown_prefix_stops_make(kernel):
    result = make(kernel, "kernel", "UPTO=99", ok=False)
    assert "UPTO=99: there is no chapter 99; the chapters are 01 02" in result.stderr
    result = make(kernel, "kernel", "UPTO=01:nothing", ok=False)
    assert "chapters/01-boot.nw: UPTO=01:nothing: no block ::: {.run #nothing}" in result.stderr


def test_missing_overlay_stops_make(kernel):
    result = make(kernel, "kernel", "OVERLAY=tests/none.nw", ok=False)
    assert "tests/none.nw" in result.stderr


# --- The table for backtraces ---------------------------------------------------------------------------

BASE = 0xFFFFFFFF80000000


def read_table(path):
    """The table as the kernel reads it: lines as (address, file, line), functions as (address, name)."""
    names = subprocess.run(["nm", path], capture_output=True, text=True, check=True).stdout
    symbols = {row.split()[2]: int(row.split()[0], 16) for row in names.splitlines() if len(row.split()) == 3}
    data = path.read_bytes()
    header, = struct.unpack_from("<Q", data, 32)
    segments = [struct.unpack_from("<IIQQQQ", data, header + 56 * i) for i in range(struct.unpack_from("<H", data, 56)[0])]

    def offset(address):
        for kind, _, position, virtual, _, size in segments:
            if kind == 1 and virtual <= address < virtual + size:
                return position + address - virtual
        raise AssertionError(hex(address))

    def text(address):
        start = offset(address)
        return data[start:data.index(b"\0", start)].decode()

    def number(name):
        return struct.unpack_from("<Q", data, offset(symbols[name]))[0]

    lines = []
    for i in range(number("symbol_line_count")):
        address, file, line = struct.unpack_from("<IHH", data, offset(symbols["symbol_lines"]) + 8 * i)
        pointer, = struct.unpack_from("<Q", data, offset(symbols["symbol_files"]) + 8 * file)
        lines.append((BASE + address, text(pointer), line))
    functions = []
    for i in range(number("symbol_function_count")):
        address, name = struct.unpack_from("<II", data, offset(symbols["symbol_functions"]) + 8 * i)
        functions.append((BASE + address, text(symbols["symbol_strings"] + name)))
    return lines, functions


def look_up(table, address):
    found = None
    for row in table:
        if row[0] <= address:
            found = row
    return found


def check_against_addr2line(image, lines, functions, step):
    addresses = [row[0] for row in lines if row[2]][::step]
    assert addresses
    result = subprocess.run(["addr2line", "-f", "-e", image, *map(hex, addresses)], capture_output=True, text=True,
                            check=True)
    answers = result.stdout.splitlines()
    disagreeing = []
    for address, function, place in zip(addresses, answers[::2], answers[1::2]):
        place = re.sub(r" \(discriminator \d+\)", "", place)
        _, file, line = look_up(lines, address)
        if not place.endswith(f"{file}:{line}"):
            disagreeing.append((hex(address), place, file, line))
        assert function == "??" or look_up(functions, address)
    # Where several rows hold at one address, addr2line may choose another of them.
    assert len(disagreeing) <= len(addresses) // 50, disagreeing


def test_table_of_a_small_kernel(kernel):
    make(kernel, "kernel")
    image = kernel.folder / "build/kernel.elf"
    lines, functions = read_table(image)
    assert lines == sorted(lines) and functions == sorted(functions)
    assert {name for _, name in functions} >= {"first", "second", "third", "other"}
    assert {file for _, file, _ in lines} == {"chapters/01-boot.nw"}
    wanted = KERNEL.splitlines().index("    return a - 1;") + 1
    other, = (address for address, name in functions if name == "other")
    assert any(address >= other and line == wanted for address, _, line in lines)
    check_against_addr2line(image, lines, functions, 1)


def test_table_names_overlays(kernel):
    overlay = kernel.write("tests/01-boot/slow.nw", "kind: naive\n\n<<compute the second>>=\nreturn a * 3;\n@\n")
    make(kernel, "kernel", f"OVERLAY={overlay}")
    lines, _ = read_table(kernel.folder / "build/OVERLAY-01-boot.slow/kernel.elf")
    assert ("tests/01-boot/slow.nw", 4) in [row[1:] for row in lines]


def test_table_that_moves_addresses_is_refused(kernel):
    edit(kernel, "    . = 0xffffffff80101000;\n", "    . = 0xffffffff80101000;\n"
         "    .symbols : AT(ADDR(.symbols) - 0xffffffff80000000) { *(.symbols) } :text\n")
    edit(kernel, "{ *(.rodata*) *(.data*) *(.bss*) } :text\n"
         "    .symbols : AT(ADDR(.symbols) - 0xffffffff80000000) { *(.symbols) } :text\n",
         "{ *(.rodata*) *(.data*) *(.bss*) } :text\n")
    result = make(kernel, "kernel", ok=False)
    assert ".symbols must be the last section" in result.stderr
    assert not (kernel.folder / "build/kernel.elf").exists()


def test_table_of_the_real_kernel():
    image = TOP / harness.machine.build() / "kernel.elf"
    lines, functions = read_table(image)
    assert lines == sorted(lines)
    assert all(file.startswith("chapters/") for _, file, line in lines if line)
    assert "kernel_main" in {name for _, name in functions}
    check_against_addr2line(image, lines, functions, 7)
    section, = re.findall(r"\.symbols +(\d+)", subprocess.run(["size", "-A", image], capture_output=True, text=True,
                                                               check=True).stdout)
    assert int(section) < 300_000
