"""Every mistake with chunks is told with file, line and remedy; all of them, not only the first."""


def error(book, expected, *options):
    result = book.tangle(*options)
    assert result.returncode != 0
    assert expected in result.stderr, result.stderr
    assert not (book.folder / "out/kernel").exists()
    return result.stderr


def change(book, name, old, new):
    text = (book.folder / name).read_text()
    assert old in text
    book.write(name, text.replace(old, new))


def test_typo_in_a_chunk_name(three):
    change(three, "chapters/01-boot.nw", "    <<count upwards>>", "    <<count upwrads>>")
    text = error(three, "chapters/01-boot.nw:9: error: <<count upwrads>> is used but never defined; "
                        "did you mean <<count upwards>> (chapters/01-boot.nw:15)?")
    assert "chapters/01-boot.nw:15: error: <<count upwards>> is defined but never used" in text


def test_missing_chunk(three):
    change(three, "chapters/02-memory.nw", "<<find the frames>>=\nframes();\n@\n", "")
    error(three, "chapters/02-memory.nw:8: error: <<find the frames>> is used but never defined; define it")


def test_second_definition(three):
    change(three, "chapters/03-tasks.nw", "# Tasks", "<<count upwards>>=\n2\n@\n# Tasks")
    error(three, "chapters/03-tasks.nw:1: error: second definition of <<count upwards>> "
                 "(the first is at chapters/01-boot.nw:15); give it a name of its own")


def test_second_definition_of_a_root(three):
    change(three, "chapters/03-tasks.nw", "# Tasks", "<<kernel/memory/late.c>>=\n2\n@\n# Tasks")
    error(three, "chapters/03-tasks.nw:1: error: second definition of <<kernel/memory/late.c>>")


def test_orphan_without_spaces(three):
    change(three, "chapters/03-tasks.nw", "# Tasks", "<<x>>=\n2\n@\n# Tasks")
    error(three, "chapters/03-tasks.nw:1: error: <<x>> is defined but never used; a file's name has a /")


def test_definition_without_a_name(three):
    change(three, "chapters/03-tasks.nw", "# Tasks", "<<>>=\n2\n@\n# Tasks")
    error(three, "chapters/03-tasks.nw:1: error: <<>>= has no name")


def test_definition_that_is_indented(three):
    change(three, "chapters/01-boot.nw", "<<count upwards>>=\n", "  <<count upwards>>=\n")
    assert three.tangle().returncode != 0
    change(three, "chapters/02-memory.nw", "frames();\n", "frames();\n  <<find the frames>>=\n")
    result = three.tangle()
    assert "must begin in column 1" in result.stderr or "unescaped <<" in result.stderr


def test_definition_inside_code(three):
    change(three, "chapters/02-memory.nw", "frames();\n", "frames();\n  <<count upwards>>=\n")
    error(three, "chapters/02-memory.nw:13: error: this looks like the definition of a chunk")


def test_unescaped_brackets_in_prose(three):
    change(three, "chapters/03-tasks.nw", "# Tasks", "Write a << b >> c.\n# Tasks")
    error(three, "chapters/03-tasks.nw:1: unescaped << in documentation chunk")


def test_cycle(book):
    book.write("chapters/01-boot.nw", "<<kernel/boot/a.c>>=\n<<first half>>\n@\n<<first half>>=\n<<second half>>\n@\n"
               "<<second half>>=\n<<first half>>\n@\n")
    error(book, "chapters/01-boot.nw:8: error: <<first half>> contains itself: "
                "<<first half>> -> <<second half>> -> <<first half>>; break the circle")


def test_root_used_as_a_chunk(three):
    change(three, "chapters/01-boot.nw", "    <<count upwards>>", "    <<count upwards>>\n<<kernel/memory/late.c>>")
    error(three, "chapters/01-boot.nw:10: error: <<kernel/memory/late.c>> is a file of its own")


def test_root_outside_of_the_folder(three):
    change(three, "chapters/03-tasks.nw", "# Tasks", "<<../evil.c>>=\n2\n@\n# Tasks")
    error(three, "chapters/03-tasks.nw:1: error: <<../evil.c>> would lie outside")
    assert not (three.folder / "evil.c").exists()


def test_typo_in_an_extension_point(three):
    change(three, "chapters/03-tasks.nw", "<<kernel: initialise>>=", "<<kernel: initialize>>=")
    error(three, "chapters/03-tasks.nw:2: error: no chapter uses the extension point <<kernel: initialize>>; "
                 "mend its name, or use it: did you mean <<kernel: initialise>>?")


def test_chunk_inside_a_long_macro(three):
    change(three, "chapters/01-boot.nw", "int counter;\n", "#define COUNT \\\n    <<count upwards>> \\\n    0\nint counter;\n")
    error(three, "chapters/01-boot.nw:6: error: a chunk is used inside a #define of several lines")


def test_all_errors_are_told_in_order(three):
    change(three, "chapters/01-boot.nw", "    <<count upwards>>", "    <<zzzz>>")
    change(three, "chapters/03-tasks.nw", "# Tasks", "<<yyyyyyyyy>>=\n2\n@\n# Tasks")
    result = three.tangle()
    places = [line.split(": error")[0] for line in result.stderr.splitlines()]
    assert places == ["chapters/01-boot.nw:9", "chapters/01-boot.nw:15", "chapters/03-tasks.nw:1"]


def test_no_chapters(book):
    error(book, "no chapters/NN-name.nw")


# --- Prefixes -------------------------------------------------------------------------------------------

def test_prefix(three):
    assert three.tangle("-u", "01").returncode == 0
    assert three.files() == ["kernel/boot/main.c"]
    assert "memory_initialise" not in three.read("kernel/boot/main.c")
    assert three.tangle("-u", "2").returncode == 0
    assert "memory_report" in three.read("kernel/boot/main.c")
    assert "tasks_initialise" not in three.read("kernel/boot/main.c")


def test_cut(three):
    assert three.tangle("-u", "02:memory-first").returncode == 0
    assert three.files() == ["kernel/boot/main.c", "kernel/memory/frame.c"]
    assert "memory_initialise" in three.read("kernel/boot/main.c")
    assert "memory_report" not in three.read("kernel/boot/main.c")


def test_unknown_prefix(three):
    error(three, "UPTO=99: there is no chapter 99; the chapters are 01 02 03", "-u", "99")


def test_unknown_cut(three):
    error(three, "chapters/02-memory.nw: UPTO=02:first: no block ::: {.run #first} there; "
                 "this chapter's runs are memory-first", "-u", "02:first")
    error(three, "chapters/03-tasks.nw: UPTO=03:x: no block ::: {.run #x} there; this chapter's runs are none",
          "-u", "03:x")


def test_cut_that_splits_a_chunk(three):
    change(three, "chapters/02-memory.nw", "<<find the frames>>=\nframes();\n@\n", "")
    change(three, "chapters/02-memory.nw", "<<kernel/memory/late.c>>=", "<<find the frames>>=\nframes();\n@\n"
           "<<kernel/memory/late.c>>=")
    error(three, "chapters/02-memory.nw:8: error: the cut at #memory-first splits <<find the frames>> "
                 "(defined at chapters/02-memory.nw:17); move", "-u", "02:memory-first")
    assert three.tangle().returncode == 0


def test_chunk_that_is_used_only_behind_the_cut(three):
    change(three, "chapters/02-memory.nw", "<<kernel/memory/frame.c>>=\nvoid", "<<count the frames>>=\nint n;\n@\n"
           "<<kernel/memory/frame.c>>=\nvoid")
    change(three, "chapters/02-memory.nw", "int late;\n", "<<count the frames>>\n")
    assert three.tangle("-u", "02:memory-first").returncode == 0
    assert three.files() == ["kernel/boot/main.c", "kernel/memory/frame.c"]
    assert three.tangle().returncode == 0


def test_chunk_that_only_a_later_chapter_uses(three):
    change(three, "chapters/01-boot.nw", "    <<count upwards>>\n", "")
    change(three, "chapters/03-tasks.nw", "# Tasks", "<<kernel/tasks/t.c>>=\n<<count upwards>>\n@\n# Tasks")
    assert three.tangle().returncode == 0
    three.run("rm", "-r", "out")
    error(three, "chapters/01-boot.nw:14: error: <<count upwards>> is defined but never used (but at "
                 "chapters/03-tasks.nw:2, which UPTO=02 leaves out)", "-u", "02")


def test_chunk_defined_in_a_chapter_left_out(three):
    change(three, "chapters/01-boot.nw", "<<count upwards>>=\ncounter = counter + 1;\n@\n", "")
    change(three, "chapters/03-tasks.nw", "# Tasks", "<<count upwards>>=\n2\n@\n# Tasks")
    error(three, "chapters/01-boot.nw:9: error: <<count upwards>> is defined at chapters/03-tasks.nw:1, "
                 "which UPTO=02 leaves out", "-u", "02")


def test_extension_point_that_only_a_later_chapter_uses(three):
    change(three, "chapters/02-memory.nw", "# Memory", "<<task end: release>>=\nfree_all();\n@\n# Memory")
    change(three, "chapters/03-tasks.nw", "# Tasks", "<<kernel/tasks/end.c>>=\n<<task end: release>>\n@\n# Tasks")
    result = three.tangle("-u", "02")
    assert result.returncode == 0 and result.stderr == ""
    assert three.tangle().returncode == 0
    assert "free_all" in three.read("kernel/tasks/end.c")


def test_a_cut_drops_the_rest_of_its_chapter_only_there(three):
    result = three.run("tools/stream", "-u", "02:memory-first")
    assert result.returncode == 0
    assert "@text mem" in result.stdout
    assert result.stdout.count("@begin ") == result.stdout.count("@end ")
    assert "@later defn chapters/02-memory.nw:17 kernel: initialise" in result.stdout
    assert "@cut chapters/02-memory.nw:14 memory-first" in result.stdout
