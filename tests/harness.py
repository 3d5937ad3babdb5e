"""What the chapters' own tests are written with.

    from harness import boot, host_build, fat_image, tap

    def test_prompt():
        with boot(upto="05", cmdline="seed=1") as kernel:    # builds the variant, boots it
            kernel.prompt()                                  # waits for the prompt
            assert "frames" in kernel.command("mem")         # types a line, returns what it printed
            assert kernel.halt() == 0                        # powers off: 0 passed, 1 tests failed, 2 panic

boot() takes overlay=, cmdline=, disk=, disk2=, mem=, machine=, firmware=, icount=, modules=, qemu_extra=,
boot="iso" (through GRUB; "kernel" by default) and limit= (seconds that any one wait may take).
Without upto= it boots the whole kernel, or the prefix that `make test UPTO=NN` is about.
"""
import os
import re
import subprocess
import sys

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
os.chdir(TOP)
sys.path.insert(0, os.path.join(TOP, "tools"))

from nikki import chapters, machine, overlays  # noqa: E402,F401
from nikki.machine import Kernel, Stopped, run_batch  # noqa: E402,F401
from nikki.tap import Tap  # noqa: E402

PASSED, TESTS_FAILED, PANIC = 0, 1, 2

# What reads and writes FAT32 on the host.
FAT32 = ["tests/host/host.c", "tests/host/cache.c", "kernel/interrupts/calendar.c"] + [
    f"kernel/fat32/{name}.c" for name in ("boot_sector", "chain", "change", "check", "commit", "fat32", "folder", "name",
                                          "new_name", "node", "rename", "set", "table", "volume", "write")]


def prefix_under_test():
    return os.environ.get("NIKKI_UPTO", "")


def boot(upto=None, overlay=(), limit=30, goals=None, **variables):
    """A booted kernel, for `with`. See machine.Kernel for what it can do: expect, prompt, command, halt, wait…"""
    upto = prefix_under_test() if upto is None else upto
    if goals is None:
        # The disk is made when the kernel can read it and no other is given.
        goals = ("kernel", "disk") if "disk" not in variables and reads_disks(upto) else ("kernel",)
    return machine.boot(upto, overlay, limit, goals, werror=True, **variables)


def reads_disks(upto):
    number = int(upto.split(":")[0]) if upto else max(chapters.chapter_numbers(), default=0)
    return number >= 8


def tap(output):
    """The self-tests' results in a console's output: .passed .failed .skipped .complete .why(name)"""
    return Tap(output)


def selftest(filter_name=None, upto=None, overlay=(), limit=60, **variables):
    """Boots a kernel that runs its self-tests and goes off; returns its machine.Batch: .status .tap .output

    On virtual time (icount=1), so that a busy host changes nothing; icount=0 for the clock on the wall."""
    upto = prefix_under_test() if upto is None else upto
    folder = machine.build(upto, overlay, werror=True)
    option = f"selftest={filter_name}" if filter_name else "selftest"
    cmdline = f"{option} {variables.pop('cmdline', '')}".strip()
    options = {"boot": "kernel", "icount": 1} | variables
    return run_batch(folder, limit, cmdline=cmdline, **options)


def tangle(upto="", overlay=()):
    """The folder with the tangled C of a variant."""
    machine.make("tangle", upto=upto, overlay=overlay)
    folder = machine.variant_folder(upto, overlay)
    return "tangle" if folder == "build" else f"{folder}/tangle"


BUILT = {}  # what this process has compiled last, by the program's path


def host_build(sources, name, upto="", overlay=(), sanitizers=True, flags=(), compiler="gcc"):
    """Compiles C for this machine and returns the program's path.

    sources: paths; those that begin with kernel/, userland/ or abi/ are looked up among the tangled files.
    The program is made in build/host/, with ASan and UBSan unless sanitizers=False."""
    folder = tangle(upto, overlay)
    os.makedirs("build/host", exist_ok=True)
    variant = os.path.basename(machine.variant_folder(upto, overlay))
    program = f"build/host/{name}" + ("" if variant == "build" else f"+{variant}")
    tangled = ("kernel", "userland", "abi")
    paths = [f"{folder}/{source}" if source.split("/")[0] in tangled and not os.path.exists(source) else source
             for source in sources]
    command = [compiler, "-std=gnu11", "-g", "-O1", "-Wall", "-Wextra", "-fno-builtin", "-I", folder,
               "-I", f"{folder}/abi", "-I", "tests"]
    if sanitizers:
        command += ["-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-fno-omit-frame-pointer"]
    # Another worker may be running the program that is there: it is replaced whole, and never written into.
    command += [*flags, "-o", f"{program}.new", *paths]
    if BUILT.get(program) == command:
        return program
    with machine.locked(program):
        result = subprocess.run(command, capture_output=True, text=True, check=False)
        assert result.returncode == 0, f"{' '.join(command)}\n{result.stderr}"
        os.replace(f"{program}.new", program)
    BUILT[program] = command
    return program


def host_run(program, *arguments, limit=60):
    """Runs a host program; a status other than 0 is an assertion error with what it printed."""
    result = subprocess.run([program, *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                            text=True, errors="replace", timeout=limit, check=False)
    assert result.returncode == 0, f"{program} ended with {result.returncode}:\n{result.stdout[-4000:]}"
    return result.stdout


def explore(upto, *arguments):
    """Runs the interleaving explorer on chapters up to this one; returns its exit status (1: a schedule failed) and what
    it printed."""
    done = subprocess.run(["tests/explorer/run", "-u", upto, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode in (0, 1), done.stdout + done.stderr
    return done.returncode, done.stdout


def explore_all(upto, schedules, scenarios):
    """Every schedule of every scenario of a chapter must hold, and there must be at least so many of both."""
    status, output = explore(upto)
    assert status == 0, output
    total = re.search(r"^(\d+) schedules of (\d+) scenarios, 0 failed$", output, re.M)
    assert total and int(total[1]) > schedules and int(total[2]) >= scenarios, output


def user_program(source):
    """Compiles tests/ROOM/NAME.c as a program for Nikki's disk, with its C library; returns the program's path."""
    program = f"build/test/{source.removeprefix('tests/').removesuffix('.c')}.elf"
    machine.make("disk", program)
    return program


def fat_image(files, path, megabytes=64, options=()):
    """Makes a FAT32 image at path that holds {"/DIR/NAME": bytes or str}; folders are made as needed."""
    path = str(path)
    environment = os.environ | {"MTOOLS_SKIP_CHECK": "1"}
    with open(path, "wb") as image:
        image.truncate(megabytes << 20)
    subprocess.run(["/usr/sbin/mkfs.fat", "-F", "32", "-s", "1", "-n", "NIKKI", "--invariant", *options, path],
                   check=True, capture_output=True)
    made = set()
    for name, content in files.items():
        parts = name.strip("/").split("/")
        for depth in range(1, len(parts)):
            folder = "/".join(parts[:depth])
            if folder not in made:
                made.add(folder)
                subprocess.run(["mmd", "-i", path, f"::/{folder}"], check=True, capture_output=True, env=environment)
        data = content.encode() if isinstance(content, str) else content
        subprocess.run(["mcopy", "-i", path, "-", "::/" + "/".join(parts)], input=data, check=True, capture_output=True,
                       env=environment)
    return path
