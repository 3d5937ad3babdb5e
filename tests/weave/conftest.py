"""A copy of the toy book for each test, and the weaver to weave it."""
import json
import shutil
import subprocess
from pathlib import Path

import pytest

TOP = Path(__file__).resolve().parents[2]
TOY = Path(__file__).resolve().parent / "toy"


class Book:
    """The toy book in a folder of its own."""

    def __init__(self, folder):
        self.folder = folder
        shutil.copytree(TOY, folder, dirs_exist_ok=True)

    def path(self, name):
        return self.folder / name

    def read(self, name):
        return self.path(name).read_text()

    def change(self, name, old, new):
        text = self.read(name)
        assert old in text
        self.path(name).write_text(text.replace(old, new, 1))

    def weave(self, kind="html", *options):
        """Runs the weaver; returns its exit status and what it said."""
        target = {"html": "html", "epub": "epub", "latex": "out"}[kind]
        done = subprocess.run([TOP / "tools/weave/weave", *options, kind, target], cwd=self.folder,
                              capture_output=True, text=True)
        return done.returncode, done.stdout + done.stderr

    def html(self, page, *options):
        status, said = self.weave("html", *options)
        assert (status, said) == (0, "")
        return self.read(f"html/{page}.html")

    def data(self, file):
        """The data of search.js or chunks.js."""
        text = self.read(f"html/{file}")
        return json.loads(text[text.index("=") + 1:].rstrip().rstrip(";"))


@pytest.fixture
def toy(tmp_path):
    for tool in ("pandoc", "gawk", "notangle"):
        if not shutil.which(tool):
            pytest.skip(f"{tool} is not installed; ./setup book installs it")
    return Book(tmp_path / "toy")
