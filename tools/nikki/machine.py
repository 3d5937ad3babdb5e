"""Builds a variant of the kernel and boots it in QEMU: what every tool and every test stands on."""
import contextlib
import ctypes
import fcntl
import os
import re
import signal
import subprocess
import tempfile
import time

import pexpect

from .chapters import BookError, chapter_numbers
from .tap import Tap

PROMPT = r"(?:monitor> |nikki:/[^\r\n$]*\$ )"
VERDICTS = {0: "passed", 1: "tests failed", 2: "panic", 3: "a reset, or QEMU was left", 4: "an error of QEMU"}
VARIABLES = ("ACCEL", "MEM", "MACHINE", "FIRMWARE", "CMDLINE", "DISK", "DISK2", "QEMU_EXTRA", "ICOUNT", "MODULES",
             "BOOT")
# A make that started us must not hand its own flags and variants to the makes that we start.
FOREIGN = ("MAKEFLAGS", "MFLAGS", "MAKEOVERRIDES", "MAKELEVEL", "MAKEFILES", "UPTO", "OVERLAY", "WERROR", "GDB")


def as_list(overlay):
    return [] if not overlay else overlay.split() if isinstance(overlay, str) else list(overlay)


def variant_folder(upto="", overlay=()):
    """The folder below build/ that this variant is made in."""
    name = subprocess.run(["tools/variant", upto or "", " ".join(as_list(overlay))],
                          check=True, capture_output=True, text=True).stdout.strip()
    return f"build/{name}" if name else "build"


@contextlib.contextmanager
def locked(folder):
    """One builder at a time in a folder: tests run side by side."""
    os.makedirs("build/locks", exist_ok=True)
    with open(f"build/locks/{folder.replace('/', '+')}", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def clean_environment(**variables):
    environment = {key: value for key, value in os.environ.items() if key not in FOREIGN}
    environment.update({key: str(value) for key, value in variables.items() if value is not None})
    return environment


def make(*goals, upto="", overlay=(), werror=False, limit=600):
    """Runs make for a variant and returns what it printed; a failure is a BookError with make's own words."""
    command = ["make", "-s", *goals, f"UPTO={upto or ''}", f"OVERLAY={' '.join(as_list(overlay))}"]
    if werror:
        command.append("WERROR=1")
    with locked(variant_folder(upto, overlay)):
        result = subprocess.run(command, env=clean_environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                text=True, errors="replace", timeout=limit)
    if result.returncode:
        # What make says of itself only repeats that something failed.
        repeated = re.compile(r"make(\[\d+\])?:(?!.*No rule)|Makefile:\d+:.*No such file")
        own = [line for line in result.stdout.split("\n") if not repeated.match(line)]
        raise BookError("\n".join(own).strip() or f"{' '.join(command)} failed")
    return result.stdout


def reads_disks(upto):
    """Whether this prefix is of any use with a disk: its programs lie there."""
    number = int(upto.split(":")[0]) if upto else max(chapter_numbers(), default=0)
    return number >= 8


def build(upto="", overlay=(), goals=("kernel",), werror=False):
    """Builds a variant, with its disk if it can read one; returns its folder."""
    if reads_disks(upto):
        goals = [*goals, "disk"]
    make(*goals, upto=upto, overlay=overlay, werror=werror)
    return variant_folder(upto, overlay)


def end_with_parent():
    """For a child before its program begins: a test that is killed leaves no QEMU behind (prctl: PR_SET_PDEATHSIG)."""
    ctypes.CDLL(None).prctl(1, signal.SIGTERM)


def complaints(scratch):
    """What QEMU and its runner have said of themselves. They may speak at any moment, and on the console a warning
    would stand in the midst of what the kernel says, and behind a prompt that nobody then takes for one."""
    with open(os.path.join(scratch, "errors"), encoding="utf-8", errors="replace") as stream:
        text = stream.read()
    text = re.sub(r"qemu-system-x86_64: warning: icount sleep disabled and no active timers\n", "", text)
    return re.sub(r"qemu-system-x86_64: terminating on signal.*\n?", "", text)


def complain_to(scratch):
    """For a child before its program begins."""
    end_with_parent()
    os.dup2(os.open(os.path.join(scratch, "errors"), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666), 2)


def qemu_environment(variables, scratch):
    """What tools/qemu is to see: these variables (in small letters), and none that a user of make has set."""
    environment = {key: value for key, value in clean_environment().items() if key not in VARIABLES}
    environment.update({"TMPDIR": scratch, "STRICT": "1"})
    environment.update({key.upper(): str(value) for key, value in variables.items() if value is not None})
    return environment


class OwnDisk:
    """A copy of the variant's disk for one boot, since others use the variant, too: what is written to it is thrown away,
    but looked at first. A disk that the caller names is used in place, and is the caller's to look at."""

    def __init__(self, folder, variables, scratch):
        self.image = None
        image = f"{folder}/disk.img"
        if variables.get("disk") is not None or not os.path.exists(image):
            return
        self.image = os.path.join(scratch, "disk.img")
        subprocess.run(["cp", "--sparse=always", image, self.image], check=True)
        self.written = os.stat(self.image).st_mtime_ns

    def variables(self, variables):
        return variables if self.image is None else variables | {"disk": self.image}

    def complaint(self):
        """What fsck.fat has to say of it, after a machine that was switched off as it should be; empty: nothing."""
        if self.image is None or os.stat(self.image).st_mtime_ns == self.written:
            return ""
        done = subprocess.run(["/usr/sbin/fsck.fat", "-n", self.image], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              text=True, check=False)
        return "" if done.returncode == 0 else f"the disk is not in order:\n{done.stdout}"


class Stopped(Exception):
    """The kernel ended, or said nothing more, where more was expected of it."""


class Kernel:
    """A booted kernel, its console in our hands."""

    def __init__(self, folder, limit=30, **variables):
        self.folder, self.limit, self.verdict = folder, limit, None
        self.scratch = tempfile.TemporaryDirectory(prefix="nikki-")
        self.disk = OwnDisk(folder, variables, self.scratch.name)
        variables = self.disk.variables(variables)
        self.child = pexpect.spawn("tools/qemu", [folder], env=qemu_environment(variables, self.scratch.name),
                                   encoding="utf-8", codec_errors="replace", timeout=limit, dimensions=(50, 200),
                                   echo=False, preexec_fn=lambda: complain_to(self.scratch.name))
        self.child.delaybeforesend = None
        self.log = ""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    @property
    def output(self):
        """Everything that the console has shown."""
        return (self.log + (self.child.buffer or "")).replace("\r", "")

    def _take(self):
        after = self.child.after if isinstance(self.child.after, str) else ""
        text = (self.child.before or "") + after
        self.log += text
        return text

    def expect(self, pattern, limit=None):
        """Waits until the console shows the pattern; returns the text up to its end."""
        try:
            self.child.expect(pattern, timeout=limit or self.limit)
        except pexpect.EOF:
            self._take()
            self.wait()
            raise Stopped(f"the machine stopped ({self.verdict_text}) before it showed {pattern!r}:\n"
                          + self.tail()) from None
        except pexpect.TIMEOUT:
            raise Stopped(f"time limit: no {pattern!r} within {limit or self.limit} s; the console's end:\n"
                          + self.tail()) from None
        return self._take().replace("\r", "")

    def tail(self, lines=25):
        text = self.output.rstrip() + "\n" + ("" if self.verdict is not None else complaints(self.scratch.name))
        return "\n".join(text.rstrip().split("\n")[-lines:])

    def prompt(self, limit=None):
        """Waits for the prompt, at the beginning of a line; returns what came before it."""
        text = self.expect(r"(?:^|[\r\n])" + PROMPT + "$", limit)
        return re.sub(PROMPT + "$", "", text)

    def send(self, text):
        self.child.send(text)

    def command(self, line, limit=None):
        """Types a line at the prompt; returns what the command printed, once the prompt is back."""
        self.child.send(line + "\r")
        self.expect(r"\n", limit)       # our own line, as it is echoed
        return self.prompt(limit)

    def wait(self, limit=None):
        """Waits until the machine is off; returns the verdict: 0 passed, 1 tests failed, 2 panic, 3 reset or left."""
        if self.verdict is not None:
            return self.verdict
        try:
            self.child.expect(pexpect.EOF, timeout=limit or self.limit)
            self._take()
        except pexpect.TIMEOUT:
            raise Stopped(f"time limit: the machine is still on after {limit or self.limit} s; the console's end:\n"
                          + self.tail()) from None
        self.child.wait()
        self.log += complaints(self.scratch.name)
        self.verdict = self.child.exitstatus if self.child.exitstatus is not None else 128 + self.child.signalstatus
        if self.verdict in (0, 1) and self.disk.complaint():
            raise Stopped(self.disk.complaint() + self.tail())
        return self.verdict

    @property
    def verdict_text(self):
        return VERDICTS.get(self.verdict, f"QEMU ended with {self.verdict}")

    def leave(self):
        """Leaves QEMU as a reader does: Ctrl-A X."""
        self.child.send("\x01x")
        return self.wait()

    def halt(self):
        """Powers the machine off from the prompt; returns the verdict."""
        self.child.send("halt\r")
        return self.wait()

    def tap(self):
        return Tap(self.output)

    def close(self):
        if self.verdict is None and self.child.isalive():
            with contextlib.suppress(OSError):
                os.killpg(self.child.pid, signal.SIGTERM)
            with contextlib.suppress(pexpect.ExceptionPexpect, OSError):
                self.child.expect(pexpect.EOF, timeout=5)
        self.child.close(force=True)
        self.scratch.cleanup()


def boot(upto="", overlay=(), limit=30, goals=("kernel",), werror=False, boot="kernel", **variables):
    """Builds a variant and boots it; used as `with boot(upto="05") as kernel:`.

    BOOT=kernel by default: QEMU loads the kernel itself, which saves GRUB's half second. boot="iso" goes
    through GRUB. Other variables of tools/qemu are given in small letters: cmdline=, disk=, mem=, machine=…"""
    if boot == "iso" and "kernel" in goals:
        goals = tuple(goals) + ("iso",)
    folder = build(upto, overlay, goals, werror)
    return Kernel(folder, limit, boot=boot, **variables)


class Batch:
    """The result of a boot that nobody types at."""

    def __init__(self, output, status, seconds):
        self.output, self.status, self.seconds = output, status, seconds
        self.timed_out = status is None
        self.tap = Tap(output)

    @property
    def verdict_text(self):
        return "time limit" if self.timed_out else VERDICTS.get(self.status, f"QEMU ended with {self.status}")

    def tail(self, lines=25):
        return "\n".join(self.output.rstrip().split("\n")[-lines:])


def with_disk_in_memory(folder, variables):
    """Under icount the clock jumps ahead whenever the kernel waits, and a real disk would seem never to answer: the
    variant's disk is loaded into memory instead."""
    image = f"{folder}/disk.img"
    if not variables.get("icount") or variables.get("disk") or variables.get("modules") or not os.path.exists(image):
        return variables
    return variables | {"disk": "none", "modules": f"{image}:disk"}


def run_batch(folder, limit=60, until=None, **variables):
    """Boots a built variant with nobody at the console and waits for its end, or until its output matches a pattern."""
    start = time.monotonic()
    variables = with_disk_in_memory(folder, variables)
    with tempfile.TemporaryDirectory(prefix="nikki-") as scratch:
        path = os.path.join(scratch, "console")
        disk = OwnDisk(folder, variables, scratch)
        variables = disk.variables(variables)
        with open(path, "wb") as console:
            process = subprocess.Popen(["tools/qemu", folder], env=qemu_environment(variables, scratch),
                                       stdin=subprocess.DEVNULL, stdout=console,
                                       start_new_session=True, preexec_fn=lambda: complain_to(scratch))
            status = None
            try:
                if until:
                    status = _wait_until(process, path, until, limit)
                else:
                    status = process.wait(limit)
            except subprocess.TimeoutExpired:
                pass
            finally:
                switched_off = process.poll() in (0, 1)
                if process.poll() is None:
                    os.killpg(process.pid, signal.SIGTERM)
                    process.wait()
        with open(path, "rb") as console:
            output = console.read().decode("utf-8", "replace").replace("\r", "")
        output += complaints(scratch)
        if switched_off and disk.complaint():
            raise Stopped(disk.complaint() + output)
    return Batch(output, status, time.monotonic() - start)


def _wait_until(process, path, until, limit):
    deadline = time.monotonic() + limit
    while time.monotonic() < deadline:
        try:
            return process.wait(0.1)
        except subprocess.TimeoutExpired:
            with open(path, "rb") as console:
                if re.search(until, console.read().decode("utf-8", "replace"), re.MULTILINE):
                    return 0
    return None
