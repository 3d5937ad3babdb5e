"""The QEMU runner: verdicts, variables, and clear errors."""
import os
import shlex
import subprocess

import pytest

import harness
from toy_book import TOP

# A kernel that writes "!" to the serial line and a verdict to the exit device.
KERNEL = """
.section .note.pvh, "a", @note
    .long 4, 4, 18
    .asciz "Xen"
    .long start
.section .multiboot, "a"
.balign 8
header: .long 0xe85250d6, 0, header_end - header, -(0xe85250d6 + header_end - header)
    .word 0, 0
    .long 8
header_end:
.text
.code32
.globl start
start:
    mov $0x3f8, %dx
    mov $'!', %al
    out %al, %dx
    mov $0xf4, %dx
    mov $VERDICT, %eax
    out %eax, %dx
1:  hlt
    jmp 1b
"""
SCRIPT = """
ENTRY(start)
PHDRS { text PT_LOAD; note PT_NOTE; }
SECTIONS {
    . = 0x100000;
    .text : { *(.multiboot) *(.text) } :text
    .note : { *(.note.pvh) } :text :note
}
"""
CLEAN = {name: value for name, value in os.environ.items()
         if name not in ("ACCEL", "MEM", "MACHINE", "FIRMWARE", "CMDLINE", "DISK", "DISK2", "QEMU_EXTRA", "ICOUNT",
                         "GDB", "MODULES", "BOOT")}


def build(folder, verdict):
    (folder / "k.S").write_text(KERNEL.replace("VERDICT", str(verdict)))
    (folder / "k.ld").write_text(SCRIPT)
    subprocess.run(["gcc", "-c", "k.S", "-o", "k.o"], cwd=folder, check=True)
    subprocess.run(["ld", "-nostdlib", "-T", "k.ld", "-z", "noexecstack", "--no-warn-rwx-segments", "-o", "kernel.elf",
                    "k.o"], cwd=folder, check=True)
    return folder


def run(folder, *options, **variables):
    return subprocess.run([TOP / "tools/qemu", *options, folder], env={**CLEAN, **variables}, text=True, timeout=60,
                          stdin=subprocess.DEVNULL, capture_output=True, check=False)


def words(folder, **variables):
    result = run(folder, "--print", **{"BOOT": "kernel", **variables})
    assert result.returncode == 0, result.stderr
    return shlex.split(result.stdout)


@pytest.mark.parametrize("verdict, status", [(0x10, 0), (0x11, 1), (0x12, 2), (0x20, 65)])
def test_verdicts(tmp_path, verdict, status):
    result = run(build(tmp_path, verdict), BOOT="kernel")
    assert result.returncode == status
    assert "!" in result.stdout


@pytest.mark.parametrize("variables", [{}, {"MACHINE": "q35"}, {"CMDLINE": "a=1 b=\"c d\" $x;"}, {"ICOUNT": "1"},
                                       {"FIRMWARE": "uefi", "MEM": "256"}])
def test_boots_through_grub(tmp_path, variables):
    build(tmp_path, 0x11)
    subprocess.run([TOP / "tools/iso", "-o", tmp_path / "nikki.iso", tmp_path / "kernel.elf"], check=True)
    result = run(tmp_path, **variables)
    assert result.returncode == 1, result.stderr
    assert "!" in result.stdout


def test_modules_reach_the_image(tmp_path):
    build(tmp_path, 0x10)
    (tmp_path / "s.txt").write_text("mem\n")
    result = run(tmp_path, "--print", MODULES=f"{tmp_path}/s.txt:script {tmp_path}/k.ld:disk", CMDLINE="seed=1")
    assert result.returncode == 0
    subprocess.run([TOP / "tools/iso", "-o", tmp_path / "m.iso", "-c", "seed=1 a=$x;", "-m", f"{tmp_path}/s.txt:script",
                    "-m", f"{tmp_path}/k.ld:disk", tmp_path / "kernel.elf"], check=True)
    show = subprocess.run(["xorriso", "-osirrox", "on", "-indev", "m.iso", "-extract", "/boot/grub/grub.cfg", "grub.cfg",
                           "-extract", "/boot/script", "script"], cwd=tmp_path, capture_output=True, check=False)
    assert show.returncode == 0, show.stderr
    text = (tmp_path / "grub.cfg").read_text()
    assert "multiboot2 /boot/kernel.elf seed=1 a=\\$x\\;\n" in text
    assert "module2 /boot/script script\n" in text and "module2 /boot/disk disk\n" in text
    assert (tmp_path / "script").read_text() == "mem\n"


def test_variables_reach_qemu(tmp_path):
    build(tmp_path, 0x10)
    (tmp_path / "d.img").write_bytes(b"\0" * 512)
    line = words(tmp_path, MEM="64", MACHINE="q35", ICOUNT="1", GDB="1", QEMU_EXTRA="-name 'a b'", CMDLINE="x y",
                 DISK=f"{tmp_path}/d.img", DISK2=f"{tmp_path}/d.img", MODULES=f"{tmp_path}/d.img:disk")
    for pair in (("-m", "64"), ("-machine", "q35"), ("-icount", "shift=0,sleep=off"), ("-name", "a b"),
                 ("-append", "x y module=disk"), ("-accel", "tcg"), ("-initrd", f"{tmp_path}/d.img")):
        assert line[line.index(pair[0]) + 1] == pair[1]
    assert "-S" in line and "-s" in line
    assert sum("virtio-blk-pci" in word for word in line) == 2


def test_disk_of_the_folder_is_the_default(tmp_path):
    build(tmp_path, 0x10)
    assert not any("virtio-blk" in word for word in words(tmp_path))
    (tmp_path / "disk.img").write_bytes(b"\0" * 512)
    assert any(f"file={tmp_path}/disk.img" in word for word in words(tmp_path))
    assert not any("virtio-blk" in word for word in words(tmp_path, DISK="none"))


@pytest.mark.parametrize("variables, message", [
    ({"MACHINE": "vax"}, "MACHINE=vax: it can be pc or q35"),
    ({"ACCEL": "magic"}, "ACCEL=magic: it can be tcg or kvm"),
    ({"FIRMWARE": "open"}, "FIRMWARE=open: it can be bios or uefi"),
    ({"MEM": "lots"}, "MEM=lots: it is a number of MiB"),
    ({"DISK": "none.img"}, "there is no none.img; DISK names it"),
    ({"DISK2": "none.img"}, "there is no none.img; DISK2 names it"),
    ({"MODULES": "none:script"}, "there is no none; MODULES names it"),
    ({"MODULES": "script"}, "MODULES=script: write FILE:NAME"),
])
def test_wrong_variables(tmp_path, variables, message):
    result = run(build(tmp_path, 0x10), BOOT="kernel", **variables)
    assert result.returncode == 1
    assert message in result.stderr
    assert "Traceback" not in result.stderr


def test_missing_image(tmp_path):
    for boot in ("iso", "kernel"):
        result = run(tmp_path, BOOT=boot)
        assert result.returncode == 1
        assert "there is no" in result.stderr and "make" in result.stderr


@pytest.mark.skipif(os.access("/dev/kvm", os.R_OK | os.W_OK), reason="this machine has /dev/kvm")
def test_kvm_without_kvm(tmp_path):
    result = run(build(tmp_path, 0x10), BOOT="kernel", ACCEL="kvm")
    assert result.returncode == 1 and "/dev/kvm" in result.stderr


def test_missing_qemu(tmp_path):
    build(tmp_path, 0x10)
    result = run(tmp_path, BOOT="kernel", PATH="/nowhere")
    assert result.returncode == 1
    assert "package qemu-system-x86" in result.stderr and "./setup" in result.stderr


def test_gdb_stops_in_the_chapter():
    """A breakpoint in gdb, the compiler's line and the chapter's line are one."""
    result = run(harness.machine.build(), "--gdb", BOOT="kernel", DISK="none",
                 GDBFLAGS="-batch -ex continue -ex 'info line *$pc' -ex bt")
    assert "Breakpoint 1, kernel_main" in result.stdout, result.stdout + result.stderr
    line = next(row for row in result.stdout.splitlines() if row.startswith("Line "))
    number, file = int(line.split()[1]), line.split('"')[1]
    assert file.startswith("chapters/01-")
    text = (TOP / file).read_text().splitlines()
    above = next(i for i in range(number - 1, 0, -1) if text[i].startswith("void kernel_main"))
    assert 0 < number - above < 6


# --- The disk -------------------------------------------------------------------------------------------

def make_disk(folder, image, *entries):
    subprocess.run([TOP / "tools/disk", image, *entries], cwd=folder, check=True)
    return (folder / image).read_bytes()


def test_disk_is_the_same_each_time(tmp_path):
    (tmp_path / "a").write_text("A\n")
    (tmp_path / "b").write_text("B\n" * 5000)
    entries = ("a:/HELLO.TXT", "b:/bin/b.ELF", "a:/deep/er/A long name.txt")
    first = make_disk(tmp_path, "1.img", *entries)
    os.utime(tmp_path / "a", (0, 0))
    assert make_disk(tmp_path, "2.img", *entries) == first
    assert len(first) == 64 << 20
    assert first[82:90] == b"FAT32   "
    for path, text in (("::/HELLO.TXT", "A\n"), ("::/bin/b.elf", "B\n" * 5000), ("::/deep/er/A long name.txt", "A\n")):
        result = subprocess.run(["mtype", "-i", "1.img", path], cwd=tmp_path, capture_output=True, text=True, check=True)
        assert result.stdout == text
    check = subprocess.run(["/usr/sbin/fsck.fat", "-n", "1.img"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert check.returncode == 0, check.stdout


def test_disk_says_what_is_missing(tmp_path):
    result = subprocess.run([TOP / "tools/disk", "1.img", "none:/NONE"], cwd=tmp_path, capture_output=True, text=True,
                            check=False)
    assert result.returncode != 0 and "none" in result.stderr
    assert os.listdir(tmp_path) == []


def test_qemu_s_own_words_stay_off_the_console(tmp_path):
    """They may come at any moment; a kernel's prompt must still be the last that its console shows."""
    options = {"boot": "kernel", "disk": "none", "qemu_extra": "-d in_asm"}
    with harness.machine.Kernel(str(build(tmp_path, 0)), **options) as kernel:
        kernel.expect("^!$")
        kernel.wait()
        assert kernel.output.startswith("!") and "IN:" in kernel.output
    batch = harness.run_batch(str(tmp_path), **options)
    assert batch.output.startswith("!") and "IN:" in batch.output
