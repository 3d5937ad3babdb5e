"""Measures of the book's prose and of its C."""
import re
import statistics

from . import chapters

CHUNK_LIMIT, NAME_LIMIT, FUNCTION_LIMIT, COLUMN_LIMIT = 40, 8, 60, 100
TABLE_ROW = re.compile(r"\s*(\{.*\},?|\[.*\] = .*,|[A-Z_]+\(.*\)|\.\w+ .*|#define .*|\w+ = .*,|<<.*>>|/\*.*\*/|//.*|#.*|)\s*$")
# Rows of a table elsewhere, and what they need: told with the chunk that they belong to.
SELF_EXPLAINING = re.compile(r": (rows|declarations|headers|commands)$")
ROOT = re.compile(r"[A-Za-z0-9_./-]+/[A-Za-z0-9_./-]+$")
# A function's head begins in column 1 and its body's brace stands there alone, as K&R has it.
HEAD = re.compile(r"(?!typedef|struct \w+ \{|enum|union|#|/|\*|extern)[A-Za-z_].*\b(\w+)\([^;]*$")
PROTOTYPE = re.compile(r"^(?!typedef|static|#|/|\*|return)[A-Za-z_][\w \t\*]*?\b\**(\w+)"
                       r"\((?:[^()]|\([^()]*\))*\)[\w\s(),]*;", re.MULTILINE)


class Function:
    def __init__(self, name, place, length):
        self.name, self.place, self.length = name, place, length


def expand(chunk, book, seen=()):
    """The chunk's lines with what it uses in place, each with its origin: (file, line, text)."""
    for offset, text in enumerate(chunk.lines, 1):
        match = re.match(r"\s*<<(?! )(.+?)>>\s*$", text)
        if match and match.group(1) not in seen:
            for part in book.get(match.group(1), []):
                yield from expand(part, book, seen + (match.group(1),))
        else:
            yield chunk.file, chunk.line + offset, text


def functions(chunk, book):
    """The functions that a file of C defines; their length counts what the tangled function has, from head to brace."""
    found, head, start, depth = [], None, None, 0
    for file, line, text in expand(chunk, book):
        if depth == 0:
            match = HEAD.match(text)
            if match:
                head, start, length = match.group(1), f"{file}:{line}", 0
            if head:
                length += 1
                if text.startswith("{"):
                    depth = 1
                elif text.rstrip().endswith(";") or not text.strip():
                    head = None
        else:
            length += 1
            if text.startswith("}"):
                found.append(Function(head, start, length))
                head, depth = None, 0
    return found


def contracts(chunk, book):
    """The prototypes of a header that have no comment above: (name, place)."""
    lines = list(expand(chunk, book))
    text = "\n".join(line for _, _, line in lines)
    missing = []
    for match in PROTOTYPE.finditer(text):
        if text.count("{", 0, match.start()) != text.count("}", 0, match.start()):
            continue
        number = text.count("\n", 0, match.start() + len(match.group(0)) - len(match.group(0).lstrip()))
        above = number - 1
        # A row of prototypes under one comment shares its contract.
        while above >= 0 and (lines[above][2].rstrip().endswith((";", ",")) and not lines[above][2].startswith("#")):
            above -= 1
        if "/*" in lines[number][2] or "/*" in lines[number - 1][2]:
            continue
        if above < 0 or not lines[above][2].rstrip().endswith("*/"):
            missing.append((match.group(1), f"{lines[number][0]}:{lines[number][1]}"))
    return missing


def roots(book, *endings):
    return [part for name, parts in sorted(book.items()) if ROOT.match(name) and name.endswith(endings)
            for part in parts]


def is_table(chunk):
    """Most lines are rows: data, not steps."""
    return sum(bool(TABLE_ROW.match(line)) for line in chunk.lines) * 4 >= len(chunk.lines) * 3


def chunk_problems(chunk):
    if len(chunk.lines) > CHUNK_LIMIT and not is_table(chunk):
        yield f"{chunk.place}: <<{chunk.name}>> has {len(chunk.lines)} lines, more than {CHUNK_LIMIT}; divide it"
    if not chunk.said and not SELF_EXPLAINING.search(chunk.name):
        yield f"{chunk.place}: no sentence leads to <<{chunk.name}>>"
    if "/" not in chunk.name and len(chunk.name.split()) > NAME_LIMIT:
        yield f"{chunk.place}: <<{chunk.name}>> has more than {NAME_LIMIT} words; shorten it"
    for number, line in enumerate(chunk.lines, chunk.line + 1):
        if len(line) > COLUMN_LIMIT:
            yield f"{chunk.file}:{number}: {len(line)} columns, more than {COLUMN_LIMIT}"


def problems():
    """What breaks a rule that holds, with file, line and remedy."""
    book = chapters.book_chunks()
    found = [problem for chapter in chapters.chapters() for chunk in chapter.chunks for problem in chunk_problems(chunk)]
    for part in roots(book, ".c"):
        found += [f"{function.place}: {function.name}() has {function.length} lines, more than {FUNCTION_LIMIT}"
                  for function in functions(part, book) if function.length > FUNCTION_LIMIT]
    for part in roots(book, ".h"):
        found += [f"{place}: {name}() has no contract: a comment above its prototype"
                  for name, place in contracts(part, book)]
    return found


def words(lines):
    """Words of prose: without code, blocks' marks and headers of overlays."""
    return sum(len(re.findall(r"[A-Za-z][A-Za-z'’-]*", line)) for line in lines
               if not line.startswith((":::", "![", "|")))


def prose_words(chapter):
    """(told, workshop): the words outside of chunks."""
    inside = set()
    for chunk in chapter.chunks:
        inside.update(range(chunk.line, chunk.end + 2))
    told, workshop, in_workshop = [], [], False
    for number, line in enumerate(chapter.lines, 1):
        if re.match(r"##? ", line) and number not in inside:
            in_workshop = ".workshop" in line
        if number not in inside:
            (workshop if in_workshop else told).append(line)
    return words(told), words(workshop)


def code_lines(chunks):
    return sum(1 for chunk in chunks for line in chunk.lines if line.strip())


def spread(values):
    """Median, 90th percentile and maximum."""
    values = sorted(values) or [0]
    return statistics.median(values), values[min(len(values) - 1, int(len(values) * .9))], values[-1]


def ratio(part, whole):
    return f"{part / whole:.1f}" if whole else "-"


def test_lines(book):
    """(file, line) of what ends up in the files of the self-tests: those with `test` in their names."""
    return {(file, line) for name, parts in book.items() if ROOT.match(name) and "test" in name.rpartition("/")[2]
            for part in parts for file, line, text in expand(part, book) if text.strip()}


class Lines:
    """Lines of code that are not empty: of chunks that are told, of the workshop's, and how many of these are self-tests."""

    def __init__(self, told=0, shop=0, tests=0, told_words=0, shop_words=0):
        self.told, self.shop, self.tests, self.told_words, self.shop_words = told, shop, tests, told_words, shop_words

    @classmethod
    def of(cls, chapter, tests):
        shop = [chunk for chunk in chapter.chunks if chunk.workshop]
        return cls(code_lines(chunk for chunk in chapter.chunks if not chunk.workshop), code_lines(shop),
                   sum((chunk.file, line) in tests for chunk in shop
                       for line in range(chunk.line + 1, chunk.end + 1)), *prose_words(chapter))

    def __add__(self, other):
        return Lines(*(mine + theirs for mine, theirs in zip(self.fields(), other.fields())))

    def fields(self):
        return self.told, self.shop, self.tests, self.told_words, self.shop_words

    def columns(self):
        return (self.told + self.shop, self.told, ratio(self.told_words, self.told), self.shop, self.tests,
                ratio(self.shop_words, self.shop))


# The design counts the kernel apart from what runs on it.
KERNEL_CHAPTERS = {*range(1, 15), 18}


def report_lines(row):
    """The table of what is told and what stands in the workshops, which are a volume of their own."""
    tests, sums = test_lines(chapters.book_chunks()), {"kernel": Lines(), "programs": Lines()}
    print(row.format("lines of code", "all", "told", "words", "shop", "of it", "words"))
    print(row.format("", "", "", "/line", "", "tests", "/line"))
    for chapter in chapters.chapters():
        lines = Lines.of(chapter, tests)
        print(row.format(chapter.path[9:-3], *lines.columns()))
        part = "kernel" if int(chapter.path[9:11]) in KERNEL_CHAPTERS else "programs"
        sums[part] += lines
    for name, lines in [*sums.items(), ("all", sums["kernel"] + sums["programs"])]:
        print(row.format(name, *lines.columns()))


def report():
    book = chapters.book_chunks()
    row = "{:<16} {:>6} {:>7} {:>6} {:>4} {:>4} {:>5} {:>5} {:>6} {:>7}"
    print(row.format("chapter", "chunks", "median", "p90", "max", "runs", "func", "p90", "max", "assert"))
    print(row.format("", "", "lines", "", "", "", "med.", "", "", "/kloc"))
    total = []
    for chapter in chapters.chapters():
        sizes = [len(chunk.lines) for chunk in chapter.chunks]
        lengths = [function.length for chunk in chapter.chunks if ROOT.match(chunk.name) and chunk.name.endswith(".c")
                   for function in functions(chunk, book)]
        lines = code_lines(chapter.chunks)
        asserts = sum(len(re.findall(r"\bASSERT\(", chunk.text)) for chunk in chapter.chunks)
        total.append((sizes, lengths, lines, asserts))
        print(row.format(chapter.path[9:-3], len(sizes), *spread(sizes), len(chapter.divs_of("run")), *spread(lengths),
                         ratio(1000 * asserts, lines)))
    sizes = [size for entry in total for size in entry[0]]
    lengths = [length for entry in total for length in entry[1]]
    lines, asserts = sum(entry[2] for entry in total), sum(entry[3] for entry in total)
    print(row.format("all", len(sizes), *spread(sizes), len(chapters.runs()), *spread(lengths),
                     ratio(1000 * asserts, lines)))
    print()
    report_lines("{:<16} {:>6} {:>6} {:>6} {:>6} {:>6} {:>6}")
