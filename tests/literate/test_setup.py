"""./setup and the messages about missing tools, on machines that lack things: made of an empty PATH and links."""
import os
import re
import subprocess

import pytest

from toy_book import TOP

SHELL_TOOLS = ("sh", "ls", "sed", "sort", "dirname", "id", "env", "cat", "command")


@pytest.fixture
def machine(tmp_path):
    """A PATH with a shell's own tools and nothing else, and a root without any file."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in SHELL_TOOLS:
        for place in ("/bin", "/usr/bin"):
            if os.path.exists(f"{place}/{name}") and not (folder / name).exists():
                (folder / name).symlink_to(f"{place}/{name}")
    return folder


def pretend(machine, name, script):
    path = machine / name
    path.unlink(missing_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def run(machine, *command, **environment):
    return subprocess.run(command, cwd=TOP, text=True, capture_output=True, timeout=60, check=False,
                          env={"PATH": str(machine), "NIKKI_ROOT": str(machine / "root"), **environment})


def test_need_names_tool_package_and_command(machine):
    result = run(machine, "tools/need", "run")
    assert result.returncode == 1
    assert "  notangle (Debian package noweb)\n" in result.stderr
    assert "  qemu-system-x86_64 (Debian package qemu-system-x86)\n" in result.stderr
    assert "Install it with: ./setup run\n" in result.stderr
    assert "pandoc" not in result.stderr


def test_need_of_other_targets(machine):
    assert "pandoc (Debian package pandoc)" in run(machine, "tools/need", "html").stderr
    assert "xelatex (Debian package texlive-xetex)" in run(machine, "tools/need", "book").stderr
    assert "texlive" not in run(machine, "tools/need", "html").stderr
    assert "python3-pexpect" in run(machine, "tools/need", "test").stderr
    assert "clang-14 (Debian package clang-14)" in run(machine, "tools/need", "fuzz").stderr
    assert "libclang-rt-14-dev" in run(machine, "tools/need", "--list", "fuzz").stdout
    assert "clang" not in run(machine, "tools/need", "test").stderr
    assert "./setup run-gui" in run(machine, "tools/need", "run-gui").stderr


def test_need_is_silent_here():
    for target in ("all", "run", "test"):
        result = subprocess.run(["tools/need", target], cwd=TOP, capture_output=True, text=True, check=False)
        assert (result.returncode, result.stdout, result.stderr) == (0, "", "")


def test_make_stops_with_the_message(tmp_path):
    """make itself is there, noweb is not."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for place in ("/usr/bin", "/bin", "/usr/sbin", "/sbin"):
        for name in os.listdir(place):
            if name not in ("notangle",) and not (folder / name).exists():
                (folder / name).symlink_to(f"{place}/{name}")
    result = subprocess.run(["make", "all"], cwd=TOP, text=True, capture_output=True, timeout=60, check=False,
                            env={"PATH": str(folder)})
    assert result.returncode != 0
    assert "notangle (Debian package noweb)" in result.stderr and "./setup all" in result.stderr


@pytest.mark.parametrize("lists, wanted", [(None, ["update", "install"]), ("stale", ["install", "update", "install"])])
def test_setup_installs_what_is_missing(machine, tmp_path, lists, wanted):
    if lists:
        folder = machine / "root/var/lib/apt/lists"
        folder.mkdir(parents=True)
        (folder / "debian_Packages").write_text("")
    log = tmp_path / "log"
    pretend(machine, "id", "echo 0")
    # This apt-get knows no package until its lists are new.
    pretend(machine, "apt-get", f"""echo "apt-get $*" >>{log}
[ "$1" = update ] && : >{tmp_path}/lists
[ -e {tmp_path}/lists ] || exit 100""")
    pretend(machine, "make", f'echo "make $*" >>{log}')
    result = run(machine, "./setup", "run")
    # Nothing was really installed, so setup must see that, and must not run make.
    assert result.returncode == 1
    lines = log.read_text().splitlines()
    assert [line.split()[1] for line in lines] == wanted
    assert "--no-install-recommends" in lines[-1] and " noweb" in lines[-1] and " qemu-system-x86" in lines[-1]
    assert result.stdout.startswith("Missing packages: ")
    assert "still missing" in result.stderr


def test_setup_without_root(machine):
    pretend(machine, "id", "echo 1000")
    pretend(machine, "apt-get", "exit 0")
    result = run(machine, "./setup", "run")
    assert result.returncode == 1
    assert re.search(r"apt-get update && apt-get install --no-install-recommends .*noweb", result.stderr)


def test_setup_with_sudo(machine, tmp_path):
    pretend(machine, "id", "echo 1000")
    pretend(machine, "apt-get", f'echo "$*" >>{tmp_path}/log')
    pretend(machine, "sudo", 'exec "$@"')
    run(machine, "./setup", "run")
    assert "install" in (tmp_path / "log").read_text()


def test_setup_elsewhere_than_debian(machine):
    result = run(machine, "./setup", "run")
    assert result.returncode == 1
    assert "noweb" in result.stdout and "apt-get" in result.stderr and "debian:12" in result.stderr


def test_setup_when_all_is_there():
    result = subprocess.run(["./setup", "help"], cwd=TOP, text=True, capture_output=True, timeout=60, check=False)
    assert result.returncode == 0
    assert "boot Nikki in QEMU" in result.stdout and "Missing" not in result.stdout
    result = subprocess.run(["sh", "-n", "setup"], cwd=TOP, check=False)
    assert result.returncode == 0


def test_help_lists_every_documented_target():
    text = subprocess.run(["make", "help"], cwd=TOP, text=True, capture_output=True, check=True).stdout
    listed = {line.split()[0] for line in text.splitlines() if line and line[0] != " "}
    assert {"all", "tangle", "run", "run-gui", "gdb", "plain", "clean", "test", "help"} <= listed
