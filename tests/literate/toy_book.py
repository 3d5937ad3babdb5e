"""A small book in a folder of its own, on which the tools are tried."""
import os
import pathlib
import subprocess

TOP = pathlib.Path(__file__).resolve().parents[2]


class Book:
    """chapters/ and tests/ in a temporary folder, with the real tools linked in."""

    def __init__(self, folder):
        self.folder = folder
        (folder / "chapters").mkdir()
        (folder / "tools").symlink_to(TOP / "tools")

    def write(self, name, text):
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return name

    def run(self, *command, **environment):
        return subprocess.run(command, cwd=self.folder, env={**os.environ, **environment}, text=True,
                              capture_output=True, timeout=60, check=False)

    def tangle(self, *options):
        return self.run("tools/tangle", *options, "-d", "out")

    def read(self, name):
        return (self.folder / "out" / name).read_text(encoding="utf-8")

    def code(self, name):
        """The text of a tangled file without its #lines and its layout."""
        lines = (line.strip() for line in self.read(name).splitlines())
        return " ".join(line for line in lines if line and not line.startswith("#line"))

    def files(self):
        out = self.folder / "out"
        return sorted(str(path.relative_to(out)) for path in out.rglob("*") if path.is_file())


CHAPTERS = {
    "chapters/01-boot.nw": """\
# Boot {#boot}
We begin with [[<<count upwards>>]].

<<kernel/boot/main.c>>=
int counter;
int kernel_main(void)
{
    <<kernel: initialise>>
    <<count upwards>>
    return counter;
}
@ %def kernel_main

And so we count.
<<count upwards>>=
counter = counter + 1;
@
""",
    "chapters/02-memory.nw": """\
# Memory {#memory}
<<kernel: initialise>>=
memory_initialise();
@
<<kernel/memory/frame.c>>=
void memory_initialise(void)
{
    <<find the frames>>
}
@
<<find the frames>>=
frames();
@
::: {.run #memory-first title="The first"}
mem
:::
<<kernel: initialise>>=
memory_report();
@
<<kernel/memory/late.c>>=
int late;
@
""",
    "chapters/03-tasks.nw": """\
# Tasks {#tasks}
<<kernel: initialise>>=
tasks_initialise();
@
""",
}
