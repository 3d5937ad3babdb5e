"""Which of many like cases to try: those that a change touches, and a seeded sample of the rest."""
import os
import random
import subprocess


def git(*arguments):
    try:
        result = subprocess.run(["git", *arguments], capture_output=True, text=True, check=False)
    except OSError:
        return ""
    return result.stdout if result.returncode == 0 else ""


def seed():
    """SEED=, else the commit: the same for everybody who tests the same text."""
    return os.environ.get("SEED") or git("rev-parse", "--short", "HEAD").strip() or "0"


def changed_files():
    """What the last commit and the working tree change; nothing, outside of git."""
    status = [line[3:] for line in git("status", "--porcelain", "-uall").splitlines()]
    return set(status) | set(git("diff", "--name-only", "HEAD~1").splitlines())


def choose(cases, paths_of, count, name_of=str):
    """The names of the cases to run: those whose paths have changed, and count others.

    A change that touches very much (an import, a new tool chain) is sampled, too: make test-all tries all."""
    changed = changed_files()
    touched = [case for case in cases if any(path in changed or any(name.startswith(path + "/") for name in changed)
                                             for path in paths_of(case))]
    rest = [case for case in cases if case not in touched]
    return {name_of(case) for case in pick(touched, 3 * count, name_of) + pick(rest, count, name_of)}


def pick(cases, count, name_of):
    return random.Random(seed()).sample(sorted(cases, key=name_of), min(count, len(cases)))
