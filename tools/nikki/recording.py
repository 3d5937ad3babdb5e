"""Runs of the book: boots what a ::: {.run} says and gives its transcript, the same every time."""
import gzip
import hashlib
import os
import re
import shutil
import subprocess
import tempfile

from . import chapters, machine
from .chapters import BookError

# The first chapter that knows disks; runs of earlier ones carry none.
FIRST_CHAPTER_WITH_DISK = 8
LIMIT = 120
FIRST_LINE = r"^Nikki"
REFERENCE = re.compile(r"((?:chapters|tests)/[A-Za-z0-9_./-]+\.nw):(\d+)")


def last_chapter(upto):
    return int(upto.split(":")[0]) if upto else chapters.chapter_numbers()[-1]


def wants_disk(run):
    if run.disk in ("yes", "no"):
        return run.disk == "yes"
    return last_chapter(run.upto) >= FIRST_CHAPTER_WITH_DISK


def build(run):
    """Builds what the run needs; returns the variant's folder, None for a run on the host."""
    if run.host:
        return None
    goals = ["kernel"]
    if wants_disk(run):
        goals.append("disk")
    if run.live:
        goals.append("iso")
    try:
        return machine.build(run.upto, run.overlay, goals)
    except BookError as error:
        raise BookError(f"{run.place}: run #{run.id} does not build:\n{error}") from None


def digest_file(path, digest):
    with open(path, "rb") as stream:
        while block := stream.read(1 << 20):
            digest.update(block)


def key(run, folder):
    """A hash of everything that the run's transcript depends on; None where nobody can tell."""
    if run.host:
        return None
    digest = hashlib.sha256(repr((run.lines, run.cmdline, run.mask, run.live, run.mem, run.machine,
                                  run.firmware, run.disk)).encode())
    with tempfile.TemporaryDirectory() as scratch:
        stripped = os.path.join(scratch, "kernel")
        subprocess.run(["objcopy", "--strip-debug", f"{folder}/kernel.elf", stripped], check=True)
        digest_file(stripped, digest)
    if wants_disk(run):
        digest_file(f"{folder}/disk.img", digest)
    for tool in ("tools/qemu", "tools/iso", "tools/nikki/recording.py"):
        digest_file(tool, digest)
    return digest.hexdigest()


def name_lines(text):
    """Line numbers of the chapters change with every sentence: the chunk's name stands for them."""
    def replace(match):
        path, number = match.group(1), int(match.group(2))
        if not os.path.exists(path):
            return match.group(0)
        chunk = chapters.read(path).chunk_at(number)
        return f"{path}:<<{chunk.name}>>" if chunk else match.group(0)
    return REFERENCE.sub(replace, text)


def mask(text, run):
    return re.sub(run.mask, "###", text, flags=re.MULTILINE) if run.mask else text


def normalise(text, run):
    text = text.replace("\r", "")
    if run.host:
        return mask(name_lines(text), run).rstrip() + "\n"
    start = re.search(FIRST_LINE, text, re.MULTILINE)
    text = text[start.start():] if start else text
    text = mask(name_lines(text), run)
    # The prompt at which the machine went off says nothing.
    lines = [line.rstrip() for line in text.rstrip().split("\n")]
    if lines and re.fullmatch(machine.PROMPT, lines[-1] + " "):
        lines.pop()
    return "\n".join(lines).rstrip() + "\n"


def record_scripted(run, folder):
    with tempfile.TemporaryDirectory(prefix="nikki-") as scratch:
        modules = []
        if run.lines:
            script = os.path.join(scratch, "script")
            with open(script, "w", encoding="utf-8") as stream:
                stream.write("".join(line + "\n" for line in run.lines))
            modules.append(f"{script}:script")
        if wants_disk(run):
            # GRUB unpacks what it loads, and is slow to read: the disk travels packed.
            disk = os.path.join(scratch, "disk")
            with open(f"{folder}/disk.img", "rb") as source, open(disk, "wb") as target:
                with gzip.GzipFile(fileobj=target, mode="wb", compresslevel=6, mtime=0) as packed:
                    shutil.copyfileobj(source, packed)
            modules.append(f"{disk}:disk")
        cmdline = run.cmdline if "seed=" in run.cmdline else (run.cmdline + " seed=1").strip()
        until = None if run.lines else r"^" + machine.PROMPT + r"\Z"
        batch = machine.run_batch(folder, LIMIT, until=until, boot="iso", icount=1, disk="none", cmdline=cmdline,
                                  modules=" ".join(modules) or None, mem=run.mem, machine=run.machine,
                                  firmware=run.firmware)
    if batch.timed_out:
        raise BookError(f"{run.place}: run #{run.id} was not at its end after {LIMIT} s of host time; its last lines:\n"
                        f"{batch.tail(12)}")
    if batch.status not in machine.VERDICTS or not re.search(FIRST_LINE, batch.output, re.MULTILINE):
        raise BookError(f"{run.place}: run #{run.id}: QEMU ended with {batch.status}:\n{batch.tail(12)}")
    return batch.output


def record_live(run, folder):
    with tempfile.TemporaryDirectory(prefix="nikki-") as scratch:
        disk = os.path.join(scratch, "disk.img")
        if wants_disk(run):
            shutil.copyfile(f"{folder}/disk.img", disk)
        with machine.Kernel(folder, LIMIT, boot="iso", disk=disk if wants_disk(run) else "none",
                            cmdline=run.cmdline or None, mem=run.mem, machine=run.machine,
                            firmware=run.firmware) as kernel:
            try:
                if run.lines:
                    kernel.prompt()
                for line in run.lines:
                    if line.strip() in ("halt", "panic") or kernel.verdict is not None:
                        kernel.send(line + "\r")
                        kernel.wait()
                        break
                    kernel.command(line)
                if not run.lines:
                    kernel.expect(r"(?:^|[\r\n])" + machine.PROMPT + "$")
            except machine.Stopped as error:
                raise BookError(f"{run.place}: run #{run.id}: {error}") from None
            return kernel.output


def record_host(run):
    """A run of one of the book's own programs on this machine; that it finds something (status 1) is no error."""
    result = subprocess.run(run.host, shell=True, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                            env=machine.clean_environment(), timeout=LIMIT, check=False)
    if result.returncode not in (0, 1):
        raise BookError(f"{run.place}: run #{run.id}: {run.host} ended with {result.returncode}:\n"
                        + (result.stderr or result.stdout))
    return result.stdout


def doubts(text):
    """What in a transcript looks as if the run did not show what its author wanted."""
    return re.findall(r"^there is no command .*|^1\.\.0$", text, re.MULTILINE)


def transcript(run, folder=None):
    """Boots the run and returns its transcript."""
    folder = folder or build(run)
    output = record_host(run) if run.host else record_live(run, folder) if run.live else record_scripted(run, folder)
    return normalise(output, run)
