"""The C library: paths on the host; a program that a reader drops into userland/."""
import posixpath
import random
import subprocess

import pytest

from harness import boot, host_build

pytestmark = pytest.mark.chapter(15)


def test_paths_become_tidy():
    program = host_build(["tests/15-libc/folder_host.c", "userland/libc/folder.c"], "folder",
                         flags=("-Dchdir=libc_chdir", "-Dgetcwd=libc_getcwd", "-Wl,--wrap=stat"))
    number = random.Random(15)
    parts = ["", ".", "..", "a", "bin", "...", "x.y", "..a"]
    lines, wanted = [], []
    for _ in range(10000):
        folder = posixpath.normpath("/" + "/".join(number.choices(["a", "b", "cc"], k=number.randrange(4))))
        path = "/".join(number.choices(parts, k=number.randint(1, 8)))
        if not path:
            path = "/"
        lines.append(f"{folder} {path}\n")
        wanted.append("/" + posixpath.normpath(folder + "/" + path if path[0] != "/" else path).lstrip("/"))
    result = subprocess.run([program], input="".join(lines), capture_output=True, text=True, check=True, timeout=60)
    for line, got, want in zip(lines, result.stdout.splitlines(), wanted, strict=True):
        assert got == want, line


def test_standard_programs():
    with boot() as kernel:
        kernel.prompt()
        text = kernel.command("hello one 'two words'")
        assert "Hello from Nikki!" in text and "argument 2: two words" in text
        text = kernel.command("hellostd; echo code $?")
        assert "code 0" in text and "FAILED" not in text and text.count("ok") == 10
        assert kernel.halt() == 0


def test_files_are_measured():
    with boot() as kernel:
        kernel.prompt()
        text = kernel.command("/bin/file_bench.elf /tmp 2; echo code $?; ls /tmp")
        assert "MB/s" in text and "200 small files" in text and "code 0" in text
        assert text.rstrip().endswith("code 0"), text  # it has cleaned up
        assert "usage" in kernel.command("/bin/file_bench.elf /tmp 0")
        assert "/nowhere/WRITTEN.BIN: No such file" in kernel.command("/bin/file_bench.elf /nowhere")
        assert kernel.halt() == 0
