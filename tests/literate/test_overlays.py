"""Overlays replace, empty and wrap chunks; what fits nothing is an error."""

HEADER = "kind: experiment\nsince: 01\n\nWe try something.\n\n"


def overlay(book, text, name="tests/o.nw"):
    return book.write(name, HEADER + text)


def main_c(book, *overlays, upto=""):
    result = book.tangle("-u", upto, "-o", " ".join(overlays))
    assert result.returncode == 0, result.stderr
    return book.code("kernel/boot/main.c")


def error(book, expected, *overlays, upto=""):
    result = book.tangle("-u", upto, "-o", " ".join(overlays))
    assert result.returncode != 0
    assert expected in result.stderr, result.stderr


def test_replace(three):
    code = main_c(three, overlay(three, "<<count upwards>>=\ncounter = 7;\n@\n"))
    assert "counter = 7; return" in code and "counter + 1" not in code
    assert '#line 7 "tests/o.nw"\ncounter = 7;\n' in three.read("kernel/boot/main.c")


def test_empty(three):
    assert "memory_report(); tasks_initialise(); return counter; }" in \
        main_c(three, overlay(three, "<<count upwards>>=\n@\n"))


def test_wrap(three):
    code = main_c(three, overlay(three, "<<count upwards>>=\nbefore();\n<<count upwards>>\nafter();\n@\n"))
    assert "before(); counter = counter + 1; after();" in code


def test_stack(three):
    first = overlay(three, "<<count upwards>>=\none(); <<count upwards>>\n@\n", "tests/1.nw")
    second = overlay(three, "<<count upwards>>=\ntwo(); <<count upwards>>\n@\n", "tests/2.nw")
    assert "two(); one(); counter = counter + 1;" in main_c(three, first, second)
    assert "one(); two(); counter = counter + 1;" in main_c(three, second, first)
    third = overlay(three, "<<count upwards>>=\nthree();\n@\n", "tests/3.nw")
    code = main_c(three, first, second, third)
    assert "three(); return" in code and "one()" not in code
    assert "two(); three(); return" in main_c(three, first, third, second)


def test_a_replaced_root(three):
    path = overlay(three, "<<kernel/boot/main.c>>=\nint before;\n<<kernel/boot/main.c>>\n@\n")
    assert main_c(three, path).startswith("int before; int counter;")
    path = overlay(three, "<<kernel/boot/main.c>>=\nint alone;\n@\n")
    assert main_c(three, path) == "int alone;"
    assert "kernel/boot/main.c (as in the book)" not in three.files()


def test_new_helpers_and_roots(three):
    path = overlay(three, "<<count upwards>>=\n<<help out>>\n@\n<<help out>>=\nhelp();\n@\n"
                          "<<kernel/extra/extra.c>>=\nint extra;\n@\n")
    assert "help(); return" in main_c(three, path)
    assert "kernel/extra/extra.c" in three.files()


def test_what_only_the_replaced_text_used_is_no_error(three):
    path = overlay(three, "<<kernel/boot/main.c>>=\nint nothing;\n@\n")
    assert main_c(three, path) == "int nothing;"


def test_extension_point_is_wrapped(three):
    path = overlay(three, "<<kernel: initialise>>=\nfirst();\n<<kernel: initialise>>\n@\n")
    assert "first(); memory_initialise(); memory_report(); tasks_initialise();" in main_c(three, path)
    assert "{ first(); counter" in main_c(three, path, upto="01")


def test_extension_point_is_wrapped_in_two_places(three):
    path = overlay(three, "<<kernel: initialise>>=\nfirst();\n<<kernel: initialise>>\n@\n"
                          "<<kernel: initialise>>=\nlast();\n@\n")
    assert "first(); memory_initialise(); memory_report(); tasks_initialise(); last();" in main_c(three, path)


def test_extension_point_wrapped_by_two_overlays(three):
    first = overlay(three, "<<kernel: initialise>>=\none();\n<<kernel: initialise>>\n@\n", "tests/1.nw")
    second = overlay(three, "<<kernel: initialise>>=\n<<kernel: initialise>>\ntwo();\n@\n", "tests/2.nw")
    assert "one(); memory_initialise(); memory_report(); tasks_initialise(); two();" in main_c(three, first, second)


def test_extension_point_cannot_be_replaced(three):
    path = overlay(three, "<<kernel: initialise>>=\nfirst();\n@\n")
    error(three, "tests/o.nw:6: error: <<kernel: initialise>> is an extension point, which an overlay can only wrap",
          path)
    error(three, "can only wrap", path, upto="01")


def test_unknown_extension_point(three):
    error(three, "tests/o.nw:6: error: no chapter knows the extension point <<kernel: initialize>>",
          overlay(three, "<<kernel: initialize>>=\nfirst();\n<<kernel: initialize>>\n@\n"))


def test_unknown_chunk(three):
    error(three, "tests/o.nw:6: error: <<count upwords>> replaces nothing and is not used; mend its name",
          overlay(three, "<<count upwords>>=\n1\n@\n"))
    error(three, "tests/o.nw:6: error: <<count upwords>> is used inside itself, but nothing below defines it",
          overlay(three, "<<count upwords>>=\n<<count upwords>>\n@\n"))


def test_chunk_of_a_later_chapter(three):
    error(three, "<<find the frames>> replaces nothing and is not used: it is defined at chapters/02-memory.nw:11, "
                 "which UPTO leaves out", overlay(three, "<<find the frames>>=\n1\n@\n"), upto="01")


def test_second_definition_in_one_overlay(three):
    error(three, "tests/o.nw:9: error: second definition of <<count upwards>>",
          overlay(three, "<<count upwards>>=\n1\n@\n<<count upwards>>=\n2\n@\n"))


def test_undefined_chunk_in_an_overlay(three):
    error(three, "tests/o.nw:7: error: <<no such thing>> is used but never defined",
          overlay(three, "<<count upwards>>=\n<<no such thing>>\n@\n"))


def test_missing_overlay(three):
    error(three, "OVERLAY: there is no file tests/none.nw", "tests/none.nw")


def test_the_book_is_unchanged_by_an_overlay_of_nothing(three):
    plain = main_c(three)
    assert main_c(three, overlay(three, "Only prose.\n")) == plain
