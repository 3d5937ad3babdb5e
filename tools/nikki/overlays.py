"""Overlays with a promise: builds and boots each, and sees whether what its header says comes true."""
import glob
import os
import re

from . import chapters, machine
from .chapters import BookError

KINDS = ("bug", "naive", "stub", "answer", "wrong", "sabotage", "experiment", "test")
KEYS = ("kind", "since", "fails", "shows", "chunks", "script", "cmdline", "seen-by", "exercise", "base")
# A kernel that hangs under an overlay is stopped after so many seconds.
LIMIT = 60


class Overlay:
    """An overlay's header and its chunks."""

    def __init__(self, path):
        if not os.path.isfile(path):
            raise BookError(f"there is no overlay {path}")
        self.path = path
        self.file = chapters.read(path)
        self.fields = {}
        for number, line in enumerate(self.file.lines, 1):
            match = re.match(r"([a-z-]+):\s*(.*)$", line)
            if not match:
                break
            key, value = match.groups()
            if key not in KEYS:
                raise BookError(f"{path}:{number}: unknown field {key}: in the header; it can be {', '.join(KEYS)}")
            if key == "base":
                self.fields.setdefault(key, []).append(value)
            else:
                self.fields[key] = value.strip()
        if self.kind not in KINDS:
            raise BookError(f"{path}:1: an overlay begins with a line kind: {' | '.join(KINDS)}")
        stem = re.search(r"tests/(\d\d)-", path)
        number = self.fields.get("since") or (stem.group(1) if stem else "1")
        if not number.isdigit():
            raise BookError(f"{path}: since: {number} is not a chapter's number")
        self.since = int(number)
        self.fails = self.fields.get("fails", "").split()
        self.shows = self.fields.get("shows", "")
        self.script = [line.strip() for line in self.fields.get("script", "").split(";") if line.strip()]
        self.cmdline = self.fields.get("cmdline", "")
        chunks = self.fields.get("chunks", "")
        self.chunks = re.findall(r"\[\[<<(.+?)>>\]\]", chunks)
        if len(self.chunks) != chunks.count("<<"):
            raise BookError(f"{path}: chunks: names chunks as prose does, [[<<name>>]]; it says {chunks}")

    @property
    def kind(self):
        return self.fields.get("kind", "")

    @property
    def chapter(self):
        match = re.search(r"tests/(\d\d)-", self.path)
        return int(match.group(1)) if match else self.since

    @property
    def label(self):
        """room/name, as BUG= takes it."""
        match = re.match(r"tests/\d\d-([^/]+)/(.+)\.nw$", self.path)
        return "/".join(match.groups()) if match else self.path

    def prose(self):
        """What the overlay says between its header and its first chunk."""
        lines = self.file.lines
        first = next((number for number, line in enumerate(lines) if not line.strip()), len(lines))
        last = self.file.chunks[0].line - 1 if self.file.chunks else len(lines)
        return "\n".join(lines[first:last]).strip()


def promised():
    """Every overlay that stands on its own: not an exercise's."""
    return [Overlay(path) for path in sorted(glob.glob("tests/[0-9][0-9]-*/*.nw"))]


def find(label):
    """The overlay that BUG=tasks/lost-wakeup names."""
    every = promised()
    for overlay in every:
        if label in (overlay.label, overlay.path):
            return overlay
    raise BookError(f"BUG={label}: there is no such overlay; there are\n"
                    + "\n".join(f"  {overlay.label}  ({overlay.kind})" for overlay in every))


def prompts(upto):
    """Does this prefix boot into something that reads commands?"""
    number = int(upto.split(":")[0]) if upto else chapters.chapter_numbers()[-1]
    return number >= 5


def boot_script(folder, upto, script, cmdline, limit=LIMIT, until=None):
    """Types a script, or only boots where no prompt is; returns (output, verdict or None for a hang)."""
    # From chapter 16 on a shell would answer: overlays are tried in the monitor.
    options = {"boot": "kernel", "cmdline": cmdline or None, "disk": None}
    if not script or not prompts(upto):
        batch = machine.run_batch(folder, limit, until=until, **options)
        return batch.output, batch.status
    options["cmdline"] = f"monitor {cmdline}".strip()
    with machine.Kernel(folder, limit, **options) as kernel:
        try:
            kernel.prompt()
            for line in script:
                kernel.command(line)
            return kernel.output, kernel.halt()
        except machine.Stopped:
            return kernel.output, kernel.verdict


def show(overlay, upto, layers):
    """Builds with these layers and shows what the overlay's header has typed."""
    folder = machine.build(upto, layers)
    script = overlay.script or ([f"selftest {name}" for name in overlay.fails] if prompts(upto) else [])
    cmdline = overlay.cmdline
    if not script and not cmdline and not prompts(upto):
        cmdline = ""
    elif not script and not cmdline:
        cmdline = "selftest"
    return boot_script(folder, upto, script, cmdline)


def run_tests(folder, filter_name=None, cmdline="", limit=LIMIT):
    """Boots into the self-tests (filter_name: a list with commas), on virtual time: a busy host changes nothing."""
    option = f"selftest={filter_name}" if filter_name else "selftest"
    return machine.run_batch(folder, limit, boot="kernel", icount=1, cmdline=f"{option} {cmdline}".strip())


def expect_failures(overlay, upto):
    """The tests that the header names must fail, and no other; returns what is wrong."""
    folder = machine.build(upto, [overlay.path])
    # On the prefix every test is asked; on the full kernel its room's, which is quicker.
    rooms = [name.split(".")[0] for name in overlay.fails]
    batch = run_tests(folder, None if upto else ",".join(dict.fromkeys(rooms)), overlay.cmdline)
    died = batch.timed_out or not batch.tap.complete
    failed = set(batch.tap.failed)
    wrong = [f"{name} fails too, which the header's fails: does not say\n{batch.tap.why(name)}"
             for name in sorted(failed - set(overlay.fails))]
    for name in overlay.fails:
        if name in failed:
            continue
        if name in batch.tap.tests:
            wrong.append(f"{name} should fail and does not ({batch.tap.tests[name]})")
        elif not died:
            wrong.append(f"fails: {name}: there is no such test on this kernel")
        else:
            # The kernel fell or hung on the way: the test must be why, so ask it alone.
            alone = run_tests(folder, name, overlay.cmdline)
            if alone.status == 0 or (alone.tap.complete and name not in alone.tap.failed):
                wrong.append(f"{name} should fail and does not; the run of all tests ended with: "
                             f"{batch.verdict_text}\n{batch.tail(8)}")
    return wrong


def expect_symptom(overlay, upto):
    """The console must show the header's pattern with the overlay, and must not without."""
    pattern = re.compile(overlay.shows, re.MULTILINE)
    output, _ = show(overlay, upto, [overlay.path])
    if not pattern.search(output):
        return [f"the console does not show {overlay.shows!r}:\n" + "\n".join(output.rstrip().split("\n")[-12:])]
    output, _ = show(overlay, upto, [])
    if pattern.search(output):
        return [f"the console shows {overlay.shows!r} without the overlay, too"]
    return []


def judge(overlay, upto):
    """Does the overlay keep its header's promise on this kernel? Returns what is wrong, a list of sentences."""
    if not overlay.fails and not overlay.shows and not overlay.fields.get("seen-by"):
        return [f"{overlay.path}:1: the header promises nothing; add fails: TEST or shows: PATTERN"]
    wrong = []
    try:
        if overlay.fails:
            wrong += expect_failures(overlay, upto)
        if overlay.shows:
            wrong += expect_symptom(overlay, upto)
    except BookError as error:
        wrong.append(f"it does not build:\n{error}")
    where = f"UPTO={upto}" if upto else "the full kernel"
    return [f"{overlay.path} on {where}: {problem}" for problem in wrong]
