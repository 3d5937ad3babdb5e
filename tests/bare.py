"""QEMU without any of our tools around it, for tests that take a device away or look at the machine itself."""
import os
import socket
import subprocess
import tempfile
import time


class Bare:
    """with Bare(folder, "-serial", "none", kernel=True) as machine: …

    The machine's monitor is ours: machine.monitor("info registers"). Its first serial line, if the arguments
    name none, goes to a file that machine.serial() reads."""

    def __init__(self, folder, *arguments, iso=False):
        self.scratch = tempfile.TemporaryDirectory(prefix="nikki-")
        self.path = self.scratch.name
        image = ["-cdrom", f"{folder}/nikki.iso"] if iso else ["-kernel", f"{folder}/kernel.elf"]
        serial = [] if "-serial" in arguments else ["-serial", f"file:{self.path}/serial"]
        self.process = subprocess.Popen(
            ["qemu-system-x86_64", "-m", "128", "-nic", "none", "-display", "none", "-no-reboot",
             "-monitor", f"unix:{self.path}/monitor,server,nowait", *serial, *image, *arguments],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.socket = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        if self.socket:
            self.socket.close()
        self.scratch.cleanup()

    def _connect(self):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(20)
        deadline = time.monotonic() + 20
        while True:
            try:
                self.socket.connect(f"{self.path}/monitor")
                break
            except OSError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.02)
        self._answer()

    def _answer(self):
        text = b""
        while not text.endswith(b"(qemu) "):
            part = self.socket.recv(65536)
            if not part:
                break
            text += part
        return text.decode("utf-8", "replace")

    def monitor(self, command):
        """Gives QEMU's monitor a command; returns its answer."""
        if not self.socket:
            self._connect()
        self.socket.sendall(command.encode() + b"\n")
        return self._answer()

    def serial(self):
        try:
            with open(f"{self.path}/serial", encoding="utf-8", errors="replace") as stream:
                return stream.read().replace("\r", "")
        except FileNotFoundError:
            return ""

    def screen(self):
        """The text of the VGA screen, as 25 lines."""
        path = f"{self.path}/screen"
        self.monitor(f'pmemsave 0xb8000 4000 "{path}"')
        with open(path, "rb") as stream:
            cells = stream.read()[::2].decode("cp437")
        os.unlink(path)
        return "\n".join(cells[i:i + 80].rstrip() for i in range(0, 2000, 80))

    def is_halted(self):
        """Does the processor sit in hlt with interrupts off?"""
        registers = self.monitor("info registers")
        flags = int(registers.split("RFL=" if "RFL=" in registers else "EFL=")[1].split()[0], 16)
        return "HLT=1" in registers and not flags & 0x200

    def wait_for(self, condition, what, limit=20):
        """Waits until condition() is true; an assertion error that says what was awaited, if it never is."""
        deadline = time.monotonic() + limit
        while not condition():
            assert time.monotonic() < deadline, f"not within {limit} s: {what}\n{self.serial()}"
            assert self.process.poll() is None, f"QEMU ended while we waited: {what}\n{self.serial()}"
            time.sleep(0.05)
