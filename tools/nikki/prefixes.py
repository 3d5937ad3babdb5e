"""One prefix of the book, looked at from all sides."""
import glob
import os
import re

from . import chapters, machine, overlays
from .chapters import BookError

BOOT_TIME = "tools/boot-time.nw"
LIMIT = 120


class Row:
    def __init__(self):
        self.warnings = self.boots = "?"
        self.tests = self.passed = self.lines = 0
        self.time = ""
        self.reasons = []

    @property
    def good(self):
        return not self.reasons


def count_lines(folder):
    """Lines of C and assembly that hold something, without the #line of the tangler."""
    total = 0
    for kind in ("c", "h", "S", "def"):
        for path in glob.glob(f"{folder}/**/*.{kind}", recursive=True):
            with open(path, encoding="utf-8") as stream:
                total += sum(1 for line in stream if line.strip() and not line.startswith("#line"))
    return total


def build_without_warnings(upto):
    """Compiles every file anew (the cache makes it quick), with -Werror."""
    folder = machine.variant_folder(upto)
    with machine.locked(folder):
        for path in glob.glob(f"{folder}/kernel/**/*.o", recursive=True):
            os.unlink(path)
    return machine.build(upto, goals=("kernel", "iso"), werror=True)


def boot_time(upto):
    folder = machine.build(upto, [BOOT_TIME])
    batch = machine.run_batch(folder, LIMIT, boot="kernel", icount=1, disk="none", cmdline="selftest=none.none")
    match = re.search(r"virtual boot time (\d+) ns", batch.output)
    return f"{int(match.group(1)) / 1e6:.2f} ms" if match else "?"


def examine(number):
    row, upto = Row(), f"{number:02}"
    try:
        folder = build_without_warnings(upto)
        row.warnings = "none"
    except BookError as error:
        row.warnings = "RED"
        row.reasons.append(str(error))
        return row
    row.lines = count_lines(f"{folder}/tangle")
    batch = machine.run_batch(folder, LIMIT, boot="iso", icount=1, cmdline="selftest")
    row.tests, row.passed = len(batch.tap.tests), len(batch.tap.passed)
    row.boots = "yes" if re.search("^Nikki", batch.output, re.MULTILINE) else "no"
    row.reasons += [f"{name}: {batch.tap.why(name)}" for name in batch.tap.failed]
    if batch.status != 0 or not batch.tap.complete:
        row.reasons.append(f"the kernel ended with: {batch.verdict_text}\n{batch.tail(10)}")
    if not any(name.startswith(chapters.chapter_stem(upto)[3:] + ".") for name in batch.tap.passed):
        row.reasons.append(f"chapter {number} has no self-test of its own that passed")
    if problem := ends_well(folder, upto):
        row.boots = "no"
        row.reasons.append(problem)
    row.time = boot_time(upto)
    return row


def ends_well(folder, upto):
    """Without a command line a prefix shows its prompt, or tests itself and goes off."""
    with machine.Kernel(folder, LIMIT, boot="iso") as kernel:
        try:
            if overlays.prompts(upto):
                kernel.prompt()
            else:
                kernel.expect(f"end of chapter {upto.split(':')[0]}")
                kernel.wait()
        except machine.Stopped as error:
            return str(error)
        return None if kernel.verdict in (None, 0) else f"the kernel's verdict: {kernel.verdict_text}"


def examine_cut(run):
    """Does the variant that a run shows build and boot? Returns what is wrong, or None."""
    if run.host:
        return None
    try:
        folder = machine.build(run.upto, run.overlay, ("kernel", "iso"))
    except BookError as error:
        return f"{run.place}: {error}"
    until = r"^" + machine.PROMPT + r"\Z"
    # Through GRUB, as it is recorded: the earliest cuts have no note yet for QEMU's own loader.
    batch = machine.run_batch(folder, LIMIT, until=until, boot="iso", disk="none", mem=run.mem,
                              cmdline=run.cmdline or None)
    if batch.timed_out or not re.search("^Nikki", batch.output, re.MULTILINE):
        return f"{run.place}: run #{run.id} does not boot ({batch.verdict_text}):\n{batch.tail(8)}"
    if batch.status != 0 and not run.overlay and not run.cmdline:
        return f"{run.place}: run #{run.id} ended with: {batch.verdict_text}\n{batch.tail(8)}"
    return None
