"""The self-tests' report, as the kernel prints it (TAP 13)."""
import re


class Tap:
    """What a console shows of the self-tests. tests: name → ok, not ok or skip; complete: all planned ones came."""

    def __init__(self, text):
        self.text = text
        self.planned, self.tests, self.details, remarks = None, {}, {}, []
        for line in text.replace("\r", "").split("\n"):
            if match := re.match(r"1\.\.(\d+)", line):
                self.planned = (self.planned or 0) + int(match.group(1))
                remarks = []
            elif match := re.match(r"(ok|not ok) \d+ - (\S+)( # skip.*)?", line, re.IGNORECASE):
                result, name, skip = match.groups()
                self.tests[name] = "skip" if skip else result
                self.details.setdefault(name, []).extend(remarks)
                remarks = []
            elif line.startswith("#"):
                # A test's remarks come before its verdict.
                remarks.append(line[1:].strip())
        self.unfinished = remarks   # what a test said that never came to its verdict
        self.complete = self.planned is not None and len(self.tests) >= self.planned

    @property
    def failed(self):
        return [name for name, result in self.tests.items() if result == "not ok"]

    @property
    def passed(self):
        return [name for name, result in self.tests.items() if result == "ok"]

    @property
    def skipped(self):
        return [name for name, result in self.tests.items() if result == "skip"]

    def why(self, name):
        return "\n".join(self.details.get(name, []))
