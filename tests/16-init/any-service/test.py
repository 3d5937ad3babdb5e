"""Init looks after what its arguments name, and after the shell if they name nothing."""


def check(kernel):
    start = kernel.prompt() + kernel.output
    # A kernel without a shell on its disk says six times that there is none; with one, the shell answers.
    assert start.count("/SHELL.ELF can't be started") >= 6 or "nikki:/$ " in start, \
        "without an argument, init must still look after the shell"
    text = kernel.command("run /INIT.ELF /bin/HELLO.ELF one two")
    assert text.count("Hello from Nikki!") == 6, f"the service was not started six times:\n{text}"
    assert text.count("argument 1: one\nargument 2: two\n") == 6, f"the service needs its own words:\n{text}"
    assert "argument 3" not in text, f"the service got a word too many:\n{text}"
    assert text.count("init: /bin/HELLO.ELF ended with code 0; starting it again") == 6, f"who has ended?\n{text}"
    assert "init: /bin/HELLO.ELF does not stay alive; giving up" in text, f"who does not stay alive?\n{text}"
    text = kernel.command("run /INIT.ELF /bin/NOTHING.ELF")
    assert text.count("init: /bin/NOTHING.ELF can't be started") == 6, f"what can't be started?\n{text}"
    assert kernel.halt() == 0
