# Nikki is built from its chapters. `make help` lists what can be done; README.md says how to begin.
#
# UPTO=NN or NN:RUN builds a prefix of the book, OVERLAY="FILE ..." lays overlays over it; such a variant has a
# folder of its own below build/.

SHELL := /bin/bash
MAKEFLAGS += --no-builtin-rules --no-print-directory
ifeq ($(filter -j%,$(MAKEFLAGS)),)
MAKEFLAGS += -j$(shell nproc)
endif
.SUFFIXES:
.DELETE_ON_ERROR:
.DEFAULT_GOAL := all

PYTHON := /usr/bin/python3
CHAPTERS := $(wildcard chapters/[0-9][0-9]-*.nw)

UPTO ?=
OVERLAY ?=

# --- Variants -------------------------------------------------------------------------------------------

VARIANT := $(shell tools/variant "$(UPTO)" "$(OVERLAY)")
B := build$(VARIANT:%=/%)
T := $(if $(VARIANT),$B/tangle,tangle)

# --- Tools and flags ------------------------------------------------------------------------------------

CC := gcc
LD := ld
KERNEL_CFLAGS := -std=gnu11 -ffreestanding -fno-pic -fno-pie -mcmodel=kernel -mno-red-zone \
    -mgeneral-regs-only -fno-stack-protector -fno-omit-frame-pointer -fno-strict-aliasing \
    -fno-asynchronous-unwind-tables -fcf-protection=none -O2 -gdwarf-4 -Wall -Wextra \
    $(if $(OVERLAY)$(findstring :,$(UPTO)),-Wno-unused) -I$T -I$T/abi
KERNEL_LDFLAGS := -nostdlib -static -z max-page-size=0x1000 --no-warn-rwx-segments -z noexecstack --build-id=none

# --- Everything needed to run ---------------------------------------------------------------------------

.PHONY: all tangle kernel iso disk
all: kernel iso disk $(if $(WERROR),no-user-warnings) ## everything needed to run: kernel, ISO image, disk image
	@$(if $(VARIANT),echo "$B",:)

tangle: $B/sources.mk ## the C of the chapters, in tangle/
	@$(if $(VARIANT),echo "$T",:)

kernel: $B/kernel.elf $(if $(WERROR),no-warnings) ## the kernel alone
iso: $B/nikki.iso $(if $(WERROR),no-warnings)
disk: $B/disk.img

# --- From chapters to C ---------------------------------------------------------------------------------

TANGLE_TOOLS := tools/tangle tools/stream tools/shift.awk tools/prefix.awk tools/overlay.awk tools/check.awk

$B/sources.mk: $(CHAPTERS) $(OVERLAY) $(TANGLE_TOOLS) tools/share tools/compile Makefile | need
	@mkdir -p $B
	@tools/tangle -u "$(UPTO)" -o "$(OVERLAY)" -d $T
	@{ echo "KERNEL_SOURCES :=" $$(cd $T && find kernel -name '*.[cS]' | LC_ALL=C sort); \
	   echo "USER_SOURCES :=" $$(cd $T && [ ! -d userland ] || find userland -name '*.[cS]' | LC_ALL=C sort); \
	   echo "TANGLED :=" $$(cd $T && find . -type f ! -name .gitignore | sed 's|^\./||' | LC_ALL=C sort); } >$@.new
	@sed -n 's/KERNEL_SOURCES := //p' $@.new | tools/share $B $T $(CC) $(KERNEL_CFLAGS)
	@grep '^KERNEL' $@.new >$B/kernel.list.new
	@cmp -s $B/kernel.list.new $B/kernel.list || cp $B/kernel.list.new $B/kernel.list
	@rm -f $B/kernel.list.new
	@mv $@.new $@

# What is made of several files is made again when one of them goes.
$B/kernel.list: $B/sources.mk ;
$B/disk.list: FORCE
	@mkdir -p $B
	@echo "$(DISK_FILES)" | cmp -s - $@ || echo "$(DISK_FILES)" >$@
.PHONY: FORCE

.PHONY: need
need:
	@tools/need $(firstword $(filter-out need,$(MAKECMDGOALS)) all)

# Goals that need no tangled file don't wait for any.
NO_TANGLE := help clean distclean book html pdf epub figures link-check style test test-all prefixes record \
    book-check exercise exercises check hint grade prove reenact bench bench-check fuzz soak
ifneq ($(filter-out $(NO_TANGLE),$(or $(MAKECMDGOALS),all)),)
include $B/sources.mk
endif

$(addprefix $T/,$(TANGLED)): $B/sources.mk ;

# --- From C to the kernel -------------------------------------------------------------------------------

KERNEL_OBJECTS := $(patsubst %,$B/%.o,$(basename $(KERNEL_SOURCES)))
-include $(KERNEL_OBJECTS:.o=.d)

$B/kernel/%.o: $T/kernel/%.c tools/compile Makefile | $B/sources.mk
	@tools/compile $@ $< $T $(CC) $(KERNEL_CFLAGS)

$B/kernel/%.o: $T/kernel/%.S tools/compile Makefile | $B/sources.mk
	@tools/compile $@ $< $T $(CC) $(KERNEL_CFLAGS)

# WERROR=1: a warning is an error, also one of an earlier make.
.PHONY: no-warnings
no-warnings: $(KERNEL_OBJECTS)
	@cat /dev/null $(KERNEL_OBJECTS:.o=.warnings) | tee $B/warnings >&2; [ ! -s $B/warnings ]

# The table for backtraces is made from a first link and linked last, where it moves no other address.
$B/kernel.elf: $(KERNEL_OBJECTS) $B/kernel.list $T/kernel/boot/kernel.ld tools/symbols
	@tools/symbols --empty $B/symbols.S
	@$(CC) -c -o $B/symbols.o $B/symbols.S
	@$(LD) $(KERNEL_LDFLAGS) -T $T/kernel/boot/kernel.ld -o $B/kernel.first $(KERNEL_OBJECTS) $B/symbols.o
	@tools/symbols $B/kernel.first $B/symbols.S
	@$(CC) -c -o $B/symbols.o $B/symbols.S
	@$(LD) $(KERNEL_LDFLAGS) -T $T/kernel/boot/kernel.ld -o $@ $(KERNEL_OBJECTS) $B/symbols.o
	@tools/symbols --compare $B/kernel.first $@

$B/nikki.iso: $B/kernel.elf tools/iso
	@tools/iso -o $@ $<

# --- Programs and the disk ------------------------------------------------------------------------------

# tools/user.mk adds what it builds as FILE:/PATH/ON/DISK.
DISK_FILES := userland/HELLO.TXT:/HELLO.TXT
include tools/user.mk

.PHONY: no-user-warnings
no-user-warnings: $(USER_OBJECTS)
	@cat /dev/null $(USER_OBJECTS:.o=.warnings) | tee $B/user-warnings >&2; [ ! -s $B/user-warnings ]

$B/disk.img: $(foreach file,$(DISK_FILES),$(firstword $(subst :, ,$(file)))) $B/disk.list tools/disk
	@mkdir -p $B
	@tools/disk $@ $(DISK_FILES)

# --- Running --------------------------------------------------------------------------------------------

BOOT_VARIABLES := ACCEL MEM MACHINE FIRMWARE CMDLINE DISK DISK2 QEMU_EXTRA ICOUNT GDB MODULES BOOT
export $(BOOT_VARIABLES)

.PHONY: run run-gui run-uefi gdb
run: all ## boot Nikki in QEMU; this terminal is its serial console (Ctrl-A X leaves)
	@tools/qemu $B

run-gui: all ## boot Nikki in a window of QEMU: VGA text and PS/2 keyboard
	@tools/qemu --gui $B

run-uefi: export FIRMWARE := uefi
run-uefi: all ## boot Nikki by UEFI instead of a BIOS
	@tools/qemu $B

gdb: all ## QEMU stopped at the kernel's entry, with gdb attached and the chapters as its source
	@tools/qemu --gdb $B

# --- The rest -------------------------------------------------------------------------------------------

ifneq ($(and $(filter clean distclean,$(MAKECMDGOALS)),$(filter-out clean distclean,$(MAKECMDGOALS))),)
$(error make clean alone, then the rest: side by side they would get into each other's way)
endif

.PHONY: plain audit clean distclean help
plain: $B/sources.mk ## the same C without #line, indented, in build/plain/
	@tools/tangle -p -u "$(UPTO)" -o "$(OVERLAY)" -d $B/plain
	@echo $B/plain

compile_commands.json: $B/sources.mk ## for clangd: how each tangled file is compiled
	@{ echo "["; separator=; for file in $(KERNEL_SOURCES); do \
	    printf '%s{"directory": "%s", "file": "%s", "command": "%s"}' "$$separator" "$(CURDIR)" "$T/$$file" \
	        '$(CC) $(KERNEL_CFLAGS) -c '"$T/$$file"; separator=$$',\n'; done; echo; echo "]"; } >$@

audit: $B/sources.mk ## check that every #line tells the truth
	@tools/audit-lines $T

clean: ## remove what was made, but for the C library, which takes half a minute
	@find tangle build -mindepth 1 ! -name .gitignore ! -path 'build/newlib*' -delete

distclean: ## remove everything that was made
	@find tangle build -mindepth 1 ! -name .gitignore -delete

help: ## this list
	@sed -n 's/^\([a-z][a-z_.-]*\):[^#]*## \(.*\)/\1\t\2/p' $(MAKEFILE_LIST) | sort -u | expand -t 24
	@echo
	@echo "Variables: UPTO=06 or 06:run  OVERLAY=\"a.nw b.nw\"  CMDLINE=  ACCEL=tcg|kvm  MEM=512  MACHINE=pc|q35"
	@echo "           FIRMWARE=bios|uefi  DISK= DISK2= (images)  MODULES=\"file:name ...\"  ICOUNT=1  QEMU_EXTRA="

include tools/book.mk tools/test.mk
