"""The chapters as data: their chunks, runs and exercises, each with its file and line."""
import glob
import os
import re
import shlex

DEFINITION = re.compile(r"<<(.+)>>=\s*$")
DIV = re.compile(r"(:{3,})\s*(\{.*\}|[\w-]*)\s*$")


class BookError(Exception):
    """Something that the reader or an author can mend; its text says where and how."""


class Chunk:
    """One part of a chunk, as it stands in one file."""

    def __init__(self, name, file, line):
        self.name, self.file, self.line = name, file, line  # line: of <<name>>=
        self.lines = []
        self.said = False       # is there a sentence between this chunk and the one before?
        self.workshop = False

    @property
    def text(self):
        return "".join(line + "\n" for line in self.lines)

    @property
    def end(self):
        return self.line + len(self.lines)

    @property
    def place(self):
        return f"{self.file}:{self.line}"


class Div:
    """A fenced block, ::: {.kind #id key=value} … :::"""

    def __init__(self, kind, identifier, attributes, file, line):
        self.kind, self.id, self.attributes, self.file, self.line = kind, identifier, attributes, file, line
        self.body = []
        self.hints = []

    @property
    def place(self):
        return f"{self.file}:{self.line}"

    @property
    def chapter(self):
        return int(os.path.basename(self.file)[:2])

    @property
    def stem(self):
        return os.path.basename(self.file)[:-3]

    @property
    def room(self):
        return self.stem[3:]


def parse_attributes(text, place):
    """Takes {.run #id key="value" word} or a bare class apart."""
    if not text.startswith("{"):
        return text, None, {}
    kind, identifier, attributes = "", None, {}
    try:
        words = shlex.split(text[1:-1])
    except ValueError as error:
        raise BookError(f"{place}: {text}: {error}") from None
    for word in words:
        if word.startswith("."):
            kind = kind or word[1:]
        elif word.startswith("#"):
            identifier = word[1:]
        else:
            key, _, value = word.partition("=")
            attributes[key] = value
    return kind, identifier, attributes


class File:
    """One noweb file: a chapter or an overlay."""

    def __init__(self, path):
        self.path = path
        self.chunks, self.divs, self.lines = [], [], []
        with open(path, encoding="utf-8") as stream:
            self._read(stream.read().splitlines())

    def _read(self, lines):
        self.lines = lines
        chunk, stack, fence, said, workshop = None, [], None, False, False
        for number, line in enumerate(lines, 1):
            definition = DEFINITION.match(line)
            if definition and not fence:
                chunk = Chunk(definition.group(1), self.path, number)
                chunk.said, chunk.workshop, said = said, workshop, False
                self.chunks.append(chunk)
                continue
            if chunk is not None:
                if re.match(r"@(\s|$)", line):
                    chunk = None
                else:
                    chunk.lines.append(line[1:] if line.startswith("@@") else line)
                continue
            if line.startswith("```"):
                fence = None if fence else line
            if not fence and line.startswith("#"):
                workshop = ".workshop" in line or (workshop and not re.match(r"##?\s", line))
            elif re.search(r"\w", line) and not line.startswith(":::"):
                said = True
            div = None if fence else DIV.match(line)
            if div and div.group(2):
                kind, identifier, attributes = parse_attributes(div.group(2), f"{self.path}:{number}")
                stack.append(Div(kind, identifier, attributes, self.path, number))
                self.divs.append(stack[-1])
            elif div:
                if not stack:
                    raise BookError(f"{self.path}:{number}: this ::: ends nothing")
                done = stack.pop()
                if done.kind == "hint" and stack:
                    stack[-1].hints.append("\n".join(done.body).strip())
            elif stack:
                stack[-1].body.append(line)
        if stack:
            raise BookError(f"{stack[-1].place}: this block has no end, a line :::")

    def chunk_at(self, number):
        """The chunk that the line stands in, or None."""
        for chunk in self.chunks:
            if chunk.line <= number <= chunk.end:
                return chunk
        return None

    def divs_of(self, kind):
        return [div for div in self.divs if div.kind == kind]


def chapter_paths():
    return sorted(glob.glob("chapters/[0-9][0-9]-*.nw"))


_files = {}


def read(path):
    """The file, read once as long as it stays the same."""
    key = (path, os.stat(path).st_mtime_ns)
    if _files.get(path, (None,))[0] != key:
        _files[path] = (key, File(path))
    return _files[path][1]


def chapters():
    return [read(path) for path in chapter_paths()]


def chapter_numbers():
    return [int(os.path.basename(path)[:2]) for path in chapter_paths()]


def chapter_stem(room):
    """02-memory for memory, memory or 2."""
    for path in chapter_paths():
        stem = os.path.basename(path)[:-3]
        if room in (stem, stem[3:], stem[:2]) or (str(room).isdigit() and int(room) == int(stem[:2])):
            return stem
    raise BookError(f"there is no chapter {room}; the chapters are "
                    + ", ".join(os.path.basename(path)[:-3] for path in chapter_paths()))


def book_chunks():
    """Every chunk of the book by name: the list of its parts."""
    found = {}
    for chapter in chapters():
        for chunk in chapter.chunks:
            found.setdefault(chunk.name, []).append(chunk)
    return found


def uses(text):
    """The names of the chunks that this code uses (a C shift has a space behind its <<)."""
    return re.findall(r"(?<!@)<<(?! )(.+?)>>", text)


class Run:
    """A ::: {.run} of a chapter: what is booted, what is typed, what is masked."""

    def __init__(self, div):
        known = {"upto", "overlay", "cmdline", "mask", "live", "title", "caption", "disk", "mem", "machine",
                 "firmware", "host"}
        for key in div.attributes:
            if key not in known:
                raise BookError(f"{div.place}: a run has no attribute {key}; it knows {', '.join(sorted(known))}")
        if not div.id:
            raise BookError(f"{div.place}: a run needs a name, {{.run #{div.room}-NAME}}")
        self.id, self.place, self.stem, self.room, self.chapter = div.id, div.place, div.stem, div.room, div.chapter
        get = div.attributes.get
        upto = get("upto", "here")
        self.upto = {"here": f"{div.chapter:02}:{div.id}", "all": ""}.get(upto, upto)
        self.overlay = get("overlay", "")
        self.cmdline, self.mask, self.live = get("cmdline", ""), get("mask", ""), get("live", "no") == "yes"
        self.disk, self.mem, self.machine, self.firmware = get("disk", ""), get("mem"), get("machine"), get("firmware")
        self.host = get("host", "")
        self.lines = [line for line in div.body if line.strip() and not line.startswith("```")]
        self.transcript = f"figures/{div.stem}/{div.id}.txt"
        try:
            re.compile(self.mask)
        except re.error as error:
            raise BookError(f"{div.place}: mask={self.mask}: {error}") from None


def runs():
    found, seen = [], {}
    for chapter in chapters():
        for div in chapter.divs_of("run"):
            run = Run(div)
            if run.id in seen:
                raise BookError(f"{run.place}: a second run #{run.id}; the first is at {seen[run.id]}")
            seen[run.id] = run.place
            found.append(run)
    return found
