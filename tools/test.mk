# Rules that test, record and grade.

PYTEST := $(PYTHON) -B -m pytest -n 2
BARE := env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL PYTHONDONTWRITEBYTECODE=1

.PHONY: test test-all prefixes session record book-check exercise exercises check hint grade prove reenact style \
    bench bench-check fuzz soak

# The C library is built before the tests, whose time limits are not meant for it.
test: ## all tests; CH=06 one chapter's on the full kernel, UPTO=06 on the prefix; ends with pytest's summary
	@tools/need test
	@$(BARE) tools/newlib $(NEWLIB)
	@$(BARE) $(PYTEST) $(CH:%=--chapter %) $(UPTO:%=--upto %) tests

test-all: ## every test: every variant of every exercise, every overlay, every cut
	@tools/need test
	@$(BARE) tools/newlib $(NEWLIB)
	@$(BARE) $(PYTEST) --all tests

prefixes: ## the matrix: each prefix builds without warnings, boots, passes its tests
	@tools/need test
	@$(BARE) tools/prefixes

session: all ## boot, type each line of SCRIPT=FILE at the prompt, print the session, power off
	@tools/need session
	@$(if $(SCRIPT),,echo "make session SCRIPT=FILE: name a file with a command on each line" >&2; exit 2)
	@$(BARE) tools/session $B $(SCRIPT)

record: ## boot the book's runs and store what they print in figures/; RUN=id for one
	@tools/need record
	@$(BARE) tools/record $(RUN)

book-check: ## do all runs of the book still print what it shows? RUN=id for one
	@tools/need book-check
	@$(BARE) tools/record --check $(RUN)

exercise: ## copy an exercise's stub to work/: EX=memory/best-fit
	@tools/exercise start "$(EX)"

exercises: ## list the exercises
	@tools/exercise list $(CH)

check: ## grade your answer by booting it: EX=memory/best-fit
	@tools/need run
	@$(BARE) tools/exercise check "$(EX)"

hint: ## the next hint for EX=memory/best-fit
	@tools/exercise hint "$(EX)"

grade: ## grade all your answers (CH=06: one chapter's), as a table and as build/grade.json
	@tools/need run
	@$(BARE) tools/exercise grade $(CH)

prove: ## for authors: does an exercise's stub fail, do its answers pass, do the wrong ones fail? EX=…
	@$(BARE) tools/exercise prove $(EX)

reenact: ## boot with a bug of the book's history, and without: BUG=tasks/lost-wakeup
	@$(BARE) tools/reenact "$(BUG)"

bench: ## what system calls and messages cost, beside their budgets, and how fast files are; LINUX=1: beside Debian's Linux
	@tools/need bench
	@$(BARE) tools/bench $(if $(LINUX),--linux)

bench-check: ## fails, and says where, if one of these figures is above its budget
	@tools/need bench
	@$(BARE) tools/bench --check

fuzz: ## the fuzzers (libFuzzer), two at a time, each for SECONDS=60; says what they found, fails if it is anything
	@tools/need fuzz
	@$(BARE) tools/fuzz -s $(or $(SECONDS),60) -o "$(OVERLAY)" $(TARGET)

soak: ## models, explorer and self-tests with new seeds, two at a time, for SECONDS=600; SEED= begins as an earlier run did
	@tools/need soak
	@$(BARE) tools/soak -s $(or $(SECONDS),600) $(SEED:%=--seed %)

style: ## measures of the chapters and their C; says what breaks a rule that holds
	@tools/style
