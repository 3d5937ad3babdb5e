"""Reads the log that QEMU's blklogwrites driver keeps of a disk's writes, and makes the disk as it was in between.

    options = log_options(image, log, "vdb")     # for QEMU: the disk, and where its log goes
    entries = read_log(log)                       # what was written so far, while QEMU runs or later
    disk = Replay(image, entries)
    disk.at(17)                                   # with the first 17 entries
    disk.reordered(17, chance)                    # of those since the last flush only some of the sectors

The log begins with a sector of its own: magic, version, number of entries, size of a sector. Then comes for each write
an entry, padded to a sector (first sector, how many, flags, bytes of data), and its sectors. Flushes are entries without
sectors. All numbers are little-endian. The device mapper of Linux, log-writes, has the same format.
"""
import struct

MAGIC, VERSION = 0x6a736677736872, 1
FLUSH, FUA, DISCARD, MARK = 1, 2, 4, 8


def log_options(image, log, name):
    """QEMU's options for a virtio disk with a log, which begins empty."""
    open(log, "wb").close()
    return (f"-blockdev driver=file,node-name={name}log,filename={log} "
            f"-blockdev driver=raw,node-name={name}raw,file.driver=file,file.filename={image} "
            f"-blockdev driver=blklogwrites,node-name={name},file={name}raw,log={name}log,log-sector-size=512 "
            f"-device virtio-blk-pci,drive={name},disable-legacy=on")


class Entry:
    """One write, or a flush: then data is empty. at is the first byte on the disk."""

    def __init__(self, at, data, flags):
        self.at, self.data, self.flags = at, data, flags

    @property
    def flush(self):
        return bool(self.flags & FLUSH)


def read_log(path):
    """All entries that are whole. The count in the log's head may lag behind: QEMU renews it with each flush only."""
    with open(path, "rb") as stream:
        log = stream.read()
    if not log.strip(b"\0"):
        return []
    magic, version, count, sector_size = struct.unpack_from("<QQQI", log)
    if (magic, version, count, sector_size) == (0, 0, 0, 0):
        count, sector_size = 0, 512  # it has no head before the first flush
    elif (magic, version) != (MAGIC, VERSION):
        raise ValueError(f"{path} is no log of writes: magic {magic:#x}, version {version}")
    entries, at = [], sector_size
    while at + sector_size <= len(log):
        sector, sectors, flags, size = struct.unpack_from("<QQQQ", log, at)
        at += sector_size
        if flags & MARK:
            at += -(-size // sector_size) * sector_size
            continue
        length = sectors * sector_size
        if flags & DISCARD:
            data = bytes(length)
        else:
            data, at = log[at:at + length], at + length
        if len(data) < length:
            break
        entries.append(Entry(sector * sector_size, data, flags))
    if len(entries) < count:
        raise ValueError(f"{path} speaks of {count} entries and has {len(entries)}")
    return entries


class Replay:
    """A disk as it was: the image from before, and what was written to it."""

    def __init__(self, image, entries):
        with open(image, "rb") as stream:
            self.start = stream.read()
        self.entries = entries

    def at(self, count):
        """The disk's bytes after so many entries, all written in their order."""
        disk = bytearray(self.start)
        for entry in self.entries[:count]:
            disk[entry.at:entry.at + len(entry.data)] = entry.data
        return disk

    def last_flush(self, count):
        """How many of the first entries a flush has made safe."""
        while count > 0 and not self.entries[count - 1].flush:
            count -= 1
        return count

    def reordered(self, count, chance):
        """As at(), but of each sector that was written since the last flush any state may be there."""
        safe = self.last_flush(count)
        disk, likely = self.at(safe), chance.choice((0.25, 0.5, 0.75))
        for entry in self.entries[safe:count]:
            for at in range(0, len(entry.data), 512):
                if chance.random() < likely:
                    disk[entry.at + at:entry.at + at + 512] = entry.data[at:at + 512]
        return disk
