"""Exercises: what the reader starts from, what he may change, and whether his answer is right."""
import glob
import hashlib
import importlib.util
import os
import re

from . import chapters, machine, overlays
from .chapters import BookError

LIMIT = 60
TEST_ROW = re.compile(r'\{\s*(\d+)\s*,\s*"(\w+)"\s*,\s*"(\w+)"')


class Exercise:
    """One ::: {.exercise} of a chapter, with its files below tests/."""

    def __init__(self, div):
        if not div.id or not div.id.startswith(div.room + "-"):
            raise BookError(f"{div.place}: an exercise is named {{.exercise #{div.room}-NAME}}")
        self.place, self.chapter, self.room, self.stem = div.place, div.chapter, div.room, div.stem
        self.short = div.id[len(div.room) + 1:]
        self.name = f"{div.room}/{self.short}"
        self.title = div.attributes.get("title", self.short)
        self.stars = int(div.attributes.get("stars", "1"))
        self.statement = re.sub(r"\n{3,}", "\n\n", "\n".join(div.body)).strip()
        self.hints = div.hints
        self.folder = f"tests/{div.stem}/{self.short}"
        self.work = f"work/{self.name}.nw"
        self.hint_count = f"work/{self.name}.hints"

    def path(self, name):
        return f"{self.folder}/{name}"

    @property
    def exists(self):
        return os.path.exists(self.path("stub.nw"))

    @property
    def stub(self):
        if not self.exists:
            raise BookError(f"{self.place}: exercise {self.name} has no stub {self.path('stub.nw')}")
        return overlays.Overlay(self.path("stub.nw"))

    @property
    def test(self):
        """The overlay with the self-tests, if there is one."""
        path = self.path("test.nw")
        return overlays.Overlay(path) if os.path.exists(path) else None

    @property
    def outside(self):
        """The function check(session) of test.py, if there is one."""
        path = self.path("test.py")
        if not os.path.exists(path):
            return None
        spec = importlib.util.spec_from_file_location("exercise_test", path)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module.check

    @property
    def since(self):
        return self.stub.since

    @property
    def tests(self):
        """The self-tests that an answer must pass: those that stub and test name, and those that the test adds."""
        names = list(self.stub.fails)
        if self.test:
            names += self.test.fails
            for chunk in self.test.file.chunks:
                names += [f"{room}.{test}" for _, room, test in TEST_ROW.findall(chunk.text)]
        return list(dict.fromkeys(names))

    def answers(self):
        return sorted(glob.glob(self.path("answer*.nw")))

    def wrong_answers(self):
        return sorted(glob.glob(self.path("wrong-*.nw")))

    def layers(self, answer):
        """The overlays to lay on the book: stub, answer, test."""
        return [self.path("stub.nw")] + ([answer] if answer else []) + ([self.test.path] if self.test else [])


def every():
    return [Exercise(div) for chapter in chapters.chapters() for div in chapter.divs_of("exercise")]


def distance(one, other):
    row = list(range(len(other) + 1))
    for i, a in enumerate(one, 1):
        corner, row[0] = row[0], i
        for j, b in enumerate(other, 1):
            corner, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, corner + (a != b))
    return row[-1]


def find(name):
    known = every()
    for exercise in known:
        if name in (exercise.name, f"{exercise.room}-{exercise.short}"):
            return exercise
    near = sorted(known, key=lambda exercise: min(distance(name, exercise.name), distance(name, exercise.short)))[:3]
    raise BookError(f"EX={name}: there is no such exercise"
                    + (f"; near to it are {', '.join(e.name for e in near)}" if near else "")
                    + ". All of them: make exercises")


def chosen(chapter=""):
    if not chapter:
        return every()
    stem = chapters.chapter_stem(chapter)
    return [exercise for exercise in every() if exercise.stem == stem]


# --- What the reader starts from ------------------------------------------------------------------------

def fingerprint(text):
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def text_under_answer(exercise):
    """The chunks that an answer stands on, by name: (text, place). The stub's where it has them, else the book's."""
    found = {}
    book = chapters.book_chunks()
    stub = exercise.stub
    stubbed = {}
    for chunk in stub.file.chunks:
        stubbed.setdefault(chunk.name, []).append(chunk)
    for name in dict.fromkeys(stub.chunks + list(stubbed)):
        parts = [(part.text, part.place) for part in book.get(name, [])]
        if parts:
            found[name] = ("".join(text for text, _ in parts), parts[0][1])
        if name in stubbed:
            text = "".join(chunk.text for chunk in stubbed[name])
            found[f"stub: {name}"] = (text, stubbed[name][0].place)
    return found


def start_text(exercise):
    """The work file as `make exercise` writes it."""
    stub = exercise.stub
    stubbed = {chunk.name: chunk for chunk in stub.file.chunks}
    book = chapters.book_chunks()
    lines = ["kind: answer", f"exercise: {exercise.name}", f"since: {exercise.since:02}"]
    lines += [f"base: {fingerprint(text)} {name}" for name, (text, _) in text_under_answer(exercise).items()]
    statement = re.sub(r"^:::.*\n?", "", exercise.statement, flags=re.MULTILINE)
    statement = statement.replace("<<", "@<<").replace("[[@<<", "[[<<")
    lines += ["", f"# {exercise.title} {'*' * exercise.stars}", "", statement, ""]
    prose = stub.prose()
    if prose:
        lines += [prose, ""]
    lines += ["You may define these chunks, and chunks of your own that they use: "
              + ", ".join(f"[[<<{name}>>]]" for name in stub.chunks) + ".",
              "What stands here now is where you begin; inside a chunk its own name means the text that it replaces.",
              f"Grade it with `make check EX={exercise.name}`; `make hint EX={exercise.name}` helps.", ""]
    for name in stub.chunks:
        lines.append(f"<<{name}>>=")
        if ": " in name:
            lines.append(f"<<{name}>>")
        elif name in stubbed:
            lines += stubbed[name].lines
        elif name in book:
            lines += book[name][0].lines
        else:
            raise BookError(f"{stub.path}: chunks: <<{name}>> is defined neither there nor in the book")
        lines += ["@", ""]
    return "\n".join(lines)


def book_text(exercise):
    """An answer that gives back what the book has: one of the two wrong answers that every exercise gets."""
    book = chapters.book_chunks()
    lines = ["kind: wrong", f"since: {exercise.since:02}", ""]
    for name in exercise.stub.chunks:
        if ": " not in name and name in book:
            lines += [f"<<{name}>>=", *book[name][0].lines, "@", ""]
    return "\n".join(lines)


# --- Judging an answer ----------------------------------------------------------------------------------

class Verdict:
    """passed, or why not; the word is for tables: passed, failed, build error, panic, time limit, refused."""

    def __init__(self, word, reasons=()):
        self.word, self.reasons = word, list(reasons)

    @property
    def passed(self):
        return self.word == "passed"

    def __str__(self):
        return "\n".join(self.reasons) or self.word


def refuse(exercise, path):
    """What an answer may not do, as a list of sentences."""
    answer = overlays.Overlay(path)
    stub, book = exercise.stub, chapters.book_chunks()
    known = set(book) | {chunk.name for chunk in stub.file.chunks}
    if exercise.test:
        known |= {chunk.name for chunk in exercise.test.file.chunks}
    if not any(chunk.text.strip() for chunk in answer.file.chunks):
        return [f"{path}: the answer is empty; define at least one of "
                + ", ".join(f"<<{name}>>" for name in stub.chunks)]
    return [f"{chunk.place}: <<{chunk.name}>> may not be changed here; this exercise is about "
            + ", ".join(f"<<{name}>>" for name in stub.chunks) + ", and chunks of your own"
            for chunk in answer.file.chunks if chunk.name in known and chunk.name not in stub.chunks]


def changes_below(exercise, path):
    """Which chunks of the book or the stub are no longer what the answer was begun on."""
    told = []
    now = text_under_answer(exercise)
    for entry in overlays.Overlay(path).fields.get("base", []):
        old, _, name = entry.partition(" ")
        shown = name.removeprefix("stub: ")
        if name not in now:
            told.append(f"<<{shown}>> is gone from {'the stub' if name != shown else 'the book'} since you began")
        elif fingerprint(now[name][0]) != old:
            told.append(f"{now[name][1]}: <<{shown}>> has changed since you began; "
                        "look at it, and at what your answer takes from it")
    return told


def reader_line(output, path):
    """The first line of the answer that the console or gcc speaks of."""
    match = re.search(re.escape(path) + r":\d+", output)
    return f"your line: {match.group(0)}" if match else ""


def judge_tests(exercise, answer, upto, only_own=False):
    """Boots stub, answer and test, runs the self-tests: all of the exercise's must pass, and no other may fail."""
    folder = machine.build(upto, exercise.layers(answer))
    header = exercise.test or exercise.stub
    batch = overlays.run_tests(folder, ",".join(exercise.tests) if only_own else None, header.cmdline, LIMIT)
    wanted, tap = exercise.tests, batch.tap
    reasons = [f"{name}: {tap.why(name) or 'failed'}" for name in tap.failed]
    if batch.timed_out:
        return Verdict("time limit", reasons + [f"the kernel was still running after {LIMIT} s; its last lines:",
                                                batch.tail(6)])
    if batch.status == 2 or not tap.complete:
        reasons.append(f"the kernel did not come to its end ({batch.verdict_text}); its last lines:")
        return Verdict("panic", reasons + [batch.tail(20), reader_line(batch.output, answer or "")])
    if reasons:
        return Verdict("failed", reasons + [reader_line(batch.output, answer or "")])
    missing = [name for name in wanted if tap.tests.get(name) != "ok"]
    if missing:
        return Verdict("failed", [f"{name}: did not run ({tap.tests.get(name, 'no such test')})" for name in missing])
    if batch.status != 0:
        return Verdict("failed", [f"the kernel's verdict: {batch.verdict_text}"])
    return Verdict("passed")


def judge_session(exercise, answer, upto):
    """Exercises that are looked at from outside: script: and shows: of the test's header, and test.py."""
    header = exercise.test or exercise.stub
    if header.shows:
        folder = machine.build(upto, exercise.layers(answer))
        output, verdict = overlays.boot_script(folder, upto, header.script, header.cmdline)
        if not re.search(header.shows, output, re.MULTILINE):
            last = "\n".join(output.rstrip().split("\n")[-15:])
            word = "time limit" if verdict is None else "panic" if verdict == 2 else "failed"
            return Verdict(word, [f"the console does not show {header.shows!r}; its last lines:", last])
    if exercise.outside:
        folder = machine.build(upto, exercise.layers(answer))
        with machine.Kernel(folder, LIMIT, boot="kernel", cmdline=header.cmdline or None) as kernel:
            try:
                exercise.outside(kernel)
            except AssertionError as error:
                return Verdict("failed", [str(error) or "test.py says no"])
            except machine.Stopped as error:
                return Verdict("time limit" if kernel.verdict is None else "panic", [str(error)])
    return Verdict("passed")


def judge(exercise, answer, upto, only_own=False):
    """Judges one answer on one kernel; only_own: by the exercise's own tests, which is quicker."""
    if not exercise.tests and not exercise.outside and not (exercise.test or exercise.stub).shows:
        raise BookError(f"{exercise.folder}: nothing tests this exercise; add test.nw with a self-test, or test.py")
    try:
        verdict = judge_tests(exercise, answer, upto, only_own) if exercise.tests else Verdict("passed")
        return judge_session(exercise, answer, upto) if verdict.passed else verdict
    except BookError as error:
        return Verdict("build error", [str(error), reader_line(str(error), answer or "")])


def kernels(exercise):
    """The prefix on which the exercise first holds, and the full kernel."""
    numbers = chapters.chapter_numbers()
    return [f"{exercise.since:02}"] if exercise.since >= numbers[-1] else [f"{exercise.since:02}", ""]


def grade(exercise, path):
    """Judges a reader's answer as `make check` does."""
    reasons = refuse(exercise, path)
    if reasons:
        return Verdict("refused", reasons)
    for upto in kernels(exercise):
        verdict = judge(exercise, path, upto)
        if not verdict.passed:
            verdict.reasons.insert(0, f"on chapters 1 to {int(upto)}:" if upto else "on the full kernel:")
            return verdict
    return Verdict("passed")


# --- The proof for authors ------------------------------------------------------------------------------

def generated(exercise, name, text):
    """Writes an answer made by us; its folder is build/, its path the same every time."""
    path = f"build/answers/{exercise.name}/{name}.nw"
    os.makedirs(os.path.dirname(path), exist_ok=True)
    old = None
    if os.path.exists(path):
        with open(path, encoding="utf-8") as stream:
            old = stream.read()
    if old != text:
        with open(path, "w", encoding="utf-8") as stream:
            stream.write(text)
    return path


def prove_stub(exercise):
    """The stub builds, and fails its own test by that test's own assertion, and no earlier test."""
    wrong = []
    upto = f"{exercise.since:02}"
    try:
        folder = machine.build(upto, exercise.layers(None))
    except BookError as error:
        return [f"{exercise.path('stub.nw')}: the stub does not build:\n{error}"]
    if not exercise.tests:
        verdict = judge_session(exercise, None, upto)
        return [f"{exercise.path('stub.nw')}: the stub passes"] if verdict.passed else []
    batch = overlays.run_tests(folder, cmdline=(exercise.test or exercise.stub).cmdline)
    own = [name for name in exercise.tests if name in batch.tap.failed]
    if not own:
        wrong.append(f"{exercise.path('stub.nw')}: none of {' '.join(exercise.tests)} fails on the bare stub by its "
                     f"own assertion ({batch.verdict_text}):\n{batch.tail(8)}")
    for name in own:
        if not re.search(r"\.nw:\d+:", batch.tap.why(name)):
            wrong.append(f"{exercise.path('stub.nw')}: {name} fails, but not by its own assertion: "
                         + batch.tap.why(name))
    others = [name for name in batch.tap.failed if name not in exercise.tests]
    if others:
        wrong.append(f"{exercise.path('stub.nw')}: the stub also fails {' '.join(others)}")
    return wrong


def prove(exercise):
    """Everything that an exercise's author promises; returns what is wrong."""
    if not exercise.exists:
        return [f"{exercise.place}: exercise {exercise.name} has no stub {exercise.path('stub.nw')}"]
    wrong = []
    if not exercise.hints:
        wrong.append(f"{exercise.place}: exercise {exercise.name} has no hint")
    if len(exercise.answers()) < (2 if exercise.stars >= 2 else 1):
        wrong.append(f"{exercise.folder}: {'two answers are' if exercise.stars >= 2 else 'an answer is'} due "
                     f"for {'*' * exercise.stars}; add answer.nw" + (", answer-2.nw" if exercise.stars >= 2 else ""))
    if len(exercise.wrong_answers()) < 3:
        wrong.append(f"{exercise.folder}: at least three wrong-SOMETHING.nw are due")
    wrong += prove_stub(exercise)
    for path in exercise.answers():
        verdict = grade(exercise, path)
        if not verdict.passed:
            wrong.append(f"{path}: this answer should pass: {verdict.word}\n{verdict}")
    upto = f"{exercise.since:02}"
    bad = exercise.wrong_answers() + [generated(exercise, "unchanged", start_text(exercise)),
                                      generated(exercise, "book", book_text(exercise))]
    for path in bad:
        if form := refuse(exercise, path):
            if path in exercise.wrong_answers():
                wrong.append(f"{path}: a wrong answer is to be refused by the test, not by its form: {form[0]}")
            continue
        verdict = judge(exercise, path, upto, only_own=True)
        if verdict.passed:
            wrong.append(f"{path}: this wrong answer passes")
        elif verdict.word == "build error":
            wrong.append(f"{path}: this wrong answer does not even build:\n{verdict}")
    return wrong
