"""Scripts for the program deeds (deeds.c), and a model that knows what must come of each line.

    deeds = Deeds()
    deeds.do("make", "/a")            # adds a line, and does the same in the model
    deeds.random(random.Random(1), 1000)
    deeds.script()                    # the text for the program
    deeds.results                     # the number that it must print for each line
    deeds.tree()                      # {"/a": b"", "/folder/": None}; deeds.states[n]: as it was before line n
"""
import errno

NAMES = ["A", "b", "README.TXT", "readme.md", "Mixed.Case", "a rather long name.txt", "a rather long name 2.txt",
         "A RATHER LONG NAME 4.TXT", ".hidden", "two.dots.here", "Ünïcödé", "ünïCÖDÉ", "日記 — дневник", "x+y=z;[1],2", "noext",
         "file.c", "FILE.H", "file.longext", " leading space", "n" * 210, "a", "B", "Readme.txt", "MIXED.case",
         *(f"prefixlong{number}" for number in range(12))]
ENOTEMPTY = 90  # newlib's; the others are as everywhere


class Item:
    """A file or a folder."""

    def __init__(self, name, items=None):
        self.name, self.items, self.data = name, items, bytearray()


class Refused(Exception):
    pass


def refuse(number):
    raise Refused(-number)


def pattern(size, first):
    return bytes((first + at * 7 + (at >> 8)) & 255 for at in range(size))


class Deeds:
    def __init__(self):
        self.root, self.held = Item("", {}), None
        self.lines, self.results, self.states = [], [], []
        self.renames = []  # (number of the line, old path, new path)

    def do(self, what, *arguments):
        """Adds a line; returns what must come of it."""
        self.states.append(self.tree())
        self.lines.append("\t".join([what, *map(str, arguments)]))
        try:
            result = getattr(self, what.replace("-", "_"))(*arguments)
        except Refused as refusal:
            result = refusal.args[0]
        self.results.append(result or 0)
        return self.results[-1]

    def script(self):
        # Paths are taken from the folder that the program is told.
        return "".join(line.replace("\t/", "\t") + "\n" for line in self.lines)

    def tree(self):
        found = {}

        def walk(folder, path):
            for item in folder.items.values():
                if item.items is None:
                    found[f"{path}/{item.name}"] = bytes(item.data)
                else:
                    found[f"{path}/{item.name}/"] = None
                    walk(item, f"{path}/{item.name}")
        walk(self.root, "")
        return found

    def folders(self):
        return [path for path in ("/", *self.tree()) if path.endswith("/")]

    def files(self):
        return [path for path in self.tree() if not path.endswith("/")]

    # --- What the program can do ---

    def above(self, path):
        """The folder that a path leads to, and the last name."""
        *folders, name = path.strip("/").split("/")
        folder = self.root
        for part in folders:
            folder = folder.items.get(part.upper()) or refuse(errno.ENOENT)
            if folder.items is None:
                refuse(errno.ENOTDIR)
        return folder, name

    def item(self, path):
        folder, name = self.above(path)
        return folder.items.get(name.upper()) or refuse(errno.ENOENT)

    def file(self, path):
        item = self.item(path)
        return item if item.items is None else refuse(errno.EISDIR)

    def add(self, path, items):
        folder, name = self.above(path)
        if name.upper() in folder.items:
            refuse(errno.EEXIST)
        folder.items[name.upper()] = Item(name, items)

    def make(self, path):
        self.add(path, None)

    def folder(self, path):
        self.add(path, {})

    def put_into(self, item, offset, size, first):
        if item.items is not None:
            refuse(errno.EISDIR)
        if size > 0:
            item.data.extend(bytes(max(0, offset - len(item.data))))
            item.data[offset:offset + size] = pattern(size, first)
        return size

    def put(self, path, offset, size, first):
        return self.put_into(self.file(path), offset, size, first)

    def put_held(self, offset, size, first):
        return self.put_into(self.held, offset, size, first) if self.held else refuse(errno.EBADF)

    def hold(self, path):
        self.held = None
        self.held = self.file(path)

    def resize(self, path, size):
        data = self.file(path).data
        del data[size:]
        data.extend(bytes(size - len(data)))

    def sum(self, path, offset, size):
        return self.sum_of(self.file(path), offset, size)

    def sum_held(self, offset, size):
        return self.sum_of(self.held, offset, size) if self.held else refuse(errno.EBADF)

    @staticmethod
    def sum_of(item, offset, size):
        total = 0
        for byte in item.data[offset:offset + size]:
            total = (total * 31 + byte) % 1000003
        return total

    def remove(self, path):
        folder, name = self.above(path)
        self.file(path)
        del folder.items[name.upper()]

    def remove_folder(self, path):
        folder, name = self.above(path)
        item = self.item(path)
        if item.items is None:
            refuse(errno.ENOTDIR)
        if item.items:
            refuse(ENOTEMPTY)
        del folder.items[name.upper()]

    def rename(self, old, new):
        (source, old_name), (target, new_name) = self.above(old), self.above(new)
        item, there = source.items.get(old_name.upper()), target.items.get(new_name.upper())
        if item is None:
            refuse(errno.ENOENT)
        if there not in (None, item) and (item.items is None) != (there.items is None):
            refuse(errno.ENOTDIR if there.items is None else errno.EISDIR)
        if (target is item or f"{self.place(target)}/".startswith(f"{self.place(item)}/")) and item.items is not None:
            refuse(errno.EINVAL)
        if there not in (None, item) and there.items:
            refuse(ENOTEMPTY)
        before = self.place(item)
        del source.items[old_name.upper()]
        item.name = new_name  # as it was asked for, also if another spelling of it is replaced
        target.items[new_name.upper()] = item
        self.renames.append((len(self.lines) - 1, before, self.place(item)))

    def place(self, wanted):
        """The path of an item."""
        def walk(folder, path):
            if folder is wanted:
                return path
            for item in (folder.items or {}).values():
                found = walk(item, f"{path}/{item.name}")
                if found is not None:
                    return found
            return None
        return walk(self.root, "")

    def sync(self):
        pass

    # --- By chance ---

    def random(self, chance, count):
        for _ in range(count):
            self.random_deed(chance)

    def random_deed(self, chance):
        folder, other, files = chance.choice(self.folders()), chance.choice(self.folders()), self.files()
        place, target = folder + chance.choice(NAMES), other + chance.choice(NAMES)
        file = chance.choice(files) if files and chance.random() < 0.9 else place
        offset = chance.randrange(40000) if chance.random() < 0.2 else chance.randrange(2000)
        size = chance.randrange(20000) if chance.random() < 0.1 else chance.randrange(3000)
        what = chance.choices(("make", "folder", "put", "resize", "remove", "remove-folder", "rename", "sum", "hold", "put-held",
                               "sum-held", "sync"), (20, 4, 30, 8, 8, 4, 14, 12, 4, 4, 4, 3))[0]
        if what in ("make", "folder", "remove-folder"):
            self.do(what, place)
        elif what == "put":
            at = len(self.tree().get(file, b"")) if chance.random() < 0.5 else offset
            self.do(what, file, at, size, chance.randrange(256))
        elif what == "resize":
            self.do(what, file, chance.choice((0, offset)))
        elif what == "rename":
            self.do(what, chance.choice((file, place)), target)
        elif what == "sum":
            self.do(what, file, chance.choice((0, offset)), 40000)
        elif what == "hold":
            self.do(what, file)
        elif what == "remove":
            held = self.place(self.held) if self.held else None
            self.do(what, held if held and chance.random() < 0.3 else file)
        elif what == "sync":
            self.do(what)
        elif what == "put-held":
            self.do(what, offset, size, chance.randrange(256))
        else:
            self.do(what, chance.choice((0, offset)), 40000)
