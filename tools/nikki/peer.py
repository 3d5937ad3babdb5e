"""Debian's Linux in the same QEMU, to compare with: its kernel, BusyBox, and one program of Nikki's, compiled for it.

Nothing is installed: the packages are fetched into build/linux/ once and unpacked there.
"""
import glob
import os
import re
import shutil
import subprocess

from . import machine
from .chapters import BookError

FOLDER = "build/linux"
ROOT = f"{FOLDER}/root"
DRIVERS = ("virtio_pci", "virtio_blk", "vfat", "nls_ascii", "nls_cp437")
INIT = """#!/bin/busybox sh
busybox() { /bin/busybox "$@"; }
busybox mount -t devtmpfs dev /dev
for name in {drivers}; do busybox insmod /drivers/$name.ko; done
busybox mount -t vfat -o codepage=437,iocharset=ascii /dev/vda /mnt && {command} && echo "went well"
echo "ended"
busybox poweroff -f
"""


def run(command, remedy, **options):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, **options)
    if done.returncode:
        raise BookError(f"{' '.join(command)} failed; {remedy}:\n{done.stdout.strip()}")
    return done.stdout


def driver(unpacked, name):
    found = glob.glob(f"{unpacked}/lib/modules/*/kernel/**/{name.replace('-', '_')}.ko", recursive=True)
    if not found:
        raise BookError(f"Debian's kernel has no driver {name}; without it there is nothing to compare with, leave LINUX out")
    return found[0]


def in_order(unpacked, names):
    """These drivers, each behind those that it stands on."""
    order = []
    for name in names:
        with open(driver(unpacked, name), "rb") as file:
            needs = re.search(rb"\0depends=([^\0]*)\0", file.read())
        order += in_order(unpacked, needs[1].decode().split(",")) if needs and needs[1] else []
        order.append(name)
    return list(dict.fromkeys(order))


def fetch():
    """Debian's newest kernel for virtual machines, as kernel.elf, and its drivers."""
    depends = run(["apt-cache", "depends", "linux-image-cloud-amd64"], "the comparison needs Debian's lists of packages "
                  "(apt-get update)")
    image = re.search(r"Depends: (linux-image-\S+)", depends)
    if not image:
        raise BookError("linux-image-cloud-amd64 names no kernel; apt-get update fetches new lists of packages")
    unpacked = f"{FOLDER}/packages"
    os.makedirs(unpacked, exist_ok=True)
    run(["apt-get", "download", image[1], "busybox-static"], "without a network, leave LINUX out", cwd=FOLDER)
    for package in glob.glob(f"{FOLDER}/*.deb"):
        run(["dpkg-deb", "-x", package, unpacked], f"remove {FOLDER} and try again")
    for folder in ("bin", "dev", "mnt", "drivers"):
        os.makedirs(f"{ROOT}/{folder}", exist_ok=True)
    shutil.copy(f"{unpacked}/bin/busybox", f"{ROOT}/bin")
    for name in in_order(unpacked, DRIVERS):
        shutil.copy(driver(unpacked, name), f"{ROOT}/drivers")
    shutil.copy(glob.glob(f"{unpacked}/boot/vmlinuz-*")[0], f"{FOLDER}/kernel.elf")


def boot(program, command, disk, limit=120):
    """Compiles the program of userland/, boots Linux with the disk at /mnt, as Nikki is booted, and runs the command;
    returns what it printed."""
    if not os.path.exists(f"{FOLDER}/kernel.elf"):
        fetch()
    run(["gcc", "-O2", "-static", "-o", f"{ROOT}/bin/{program}", f"tangle/userland/{program}/main.c"],
        "make tangle writes the program")
    with open(f"{ROOT}/init", "w", encoding="ascii") as init:
        init.write(INIT.replace("{drivers}", " ".join(in_order(f"{FOLDER}/packages", DRIVERS))).replace("{command}", command))
    os.chmod(f"{ROOT}/init", 0o755)
    run(["sh", "-c", "find . | bin/busybox cpio -o -H newc > ../initrd"], f"remove {FOLDER} and try again", cwd=ROOT)
    with machine.Kernel(FOLDER, limit, boot="kernel", cmdline="console=ttyS0 quiet panic=-1",
                        modules=f"{FOLDER}/initrd:initrd", disk=disk) as kernel:
        printed = kernel.expect(r"\nended\r")
    if "\nwent well" not in printed:
        raise machine.Stopped(f"{command} failed on Linux:\n{printed}")
    return printed
