# Rules for the programs on the disk: each adds FILE:/PATH/ON/DISK to DISK_FILES.
#
# A folder tangle/userland/NAME is the program NAME.ELF; tangle/userland/libc is the C library that all of them are
# linked with from chapter 15 on. Any NAME.c dropped into userland/ is a program as well.

NEWLIB := build/newlib
USER_LIBC := $(filter userland/libc/%,$(USER_SOURCES))
USER_ROOT_PROGRAMS := init shell netd

USER_CFLAGS := -std=gnu11 -O2 -gdwarf-4 -Wall -Wextra -fno-pic -fno-pie -fno-stack-protector \
    -fno-asynchronous-unwind-tables -fcf-protection=none -ffunction-sections -fdata-sections \
    -nostdinc -isystem $(shell $(CC) -print-file-name=include) -I$T -I$T/abi \
    $(if $(OVERLAY)$(findstring :,$(UPTO)),-Wno-unused)
ifneq ($(USER_LIBC),)
USER_CFLAGS += -isystem $T/userland/libc/include -isystem $(NEWLIB)/include -D__DYNAMIC_REENT__ -D_POSIX_THREADS=1
USER_LIBRARIES := $B/userland/libnikki.a $(NEWLIB)/lib/libc.a $(NEWLIB)/lib/libm.a
USER_NEEDS := $(NEWLIB)/.built
else
USER_CFLAGS += -ffreestanding
endif
USER_LDFLAGS := -nostdlib -static -z max-page-size=0x1000 -z noexecstack --gc-sections --build-id=none
USER_LIBGCC := $(shell $(CC) -print-libgcc-file-name)

$(NEWLIB)/.built: tools/newlib
	@tools/newlib $(NEWLIB)

$(NEWLIB)/lib/libc.a $(NEWLIB)/lib/libm.a: $(NEWLIB)/.built ;

# --- Compiling ------------------------------------------------------------------------------------------

USER_OBJECTS := $(patsubst %,$B/%.o,$(basename $(USER_SOURCES)))
-include $(USER_OBJECTS:.o=.d)

$B/userland/%.o: $T/userland/%.c tools/compile tools/user.mk | $B/sources.mk $(USER_NEEDS)
	@tools/compile $@ $< $T $(CC) $(USER_CFLAGS)

$B/userland/%.o: $T/userland/%.S tools/compile tools/user.mk | $B/sources.mk $(USER_NEEDS)
	@tools/compile $@ $< $T $(CC) $(USER_CFLAGS)

$B/userland/libnikki.a: $(patsubst %,$B/%.o,$(basename $(USER_LIBC)))
	@rm -f $@
	@ar rcs $@ $^

# --- Linking --------------------------------------------------------------------------------------------

# $(call user_program,name,objects): links the program, strips it for the disk and puts it there.
define user_program
$B/disk/$(1).elf: $(2) $(USER_LIBRARIES) $T/abi/nikki/program.ld $(if $(USER_LIBC),$(NEWLIB)/.built)
	@mkdir -p $B/disk
	@$(LD) $(USER_LDFLAGS) -T $T/abi/nikki/program.ld -o $B/userland/$(1).elf $(2) \
	    --start-group $(USER_LIBRARIES) $(USER_LIBGCC) --end-group
	@strip -o $$@ $B/userland/$(1).elf
DISK_FILES += $B/disk/$(1).elf:$(if $(filter $(1),$(USER_ROOT_PROGRAMS)),/,/bin/)$(shell echo $(1) | tr a-z A-Z).ELF
endef

user_folder = $(word 2,$(subst /, ,$(1)))
USER_PROGRAMS := $(sort $(foreach source,$(filter-out $(USER_LIBC),$(USER_SOURCES)),$(call user_folder,$(source))))
$(foreach name,$(USER_PROGRAMS),$(eval $(call user_program,$(name),$(patsubst %,$B/%.o,$(basename \
    $(filter userland/$(name)/%,$(USER_SOURCES)))))))

# The reader's bench.
ifneq ($(USER_LIBC),)
USER_BENCH := $(basename $(notdir $(wildcard userland/*.c)))
-include $(USER_BENCH:%=$B/bench/%.d)
$B/bench/%.o: userland/%.c tools/compile tools/user.mk | $B/sources.mk $(USER_NEEDS)
	@tools/compile $@ $< $T $(CC) $(USER_CFLAGS)
$(foreach name,$(USER_BENCH),$(eval $(call user_program,$(name),$B/bench/$(name).o)))
endif

# --- Programs that only tests need -----------------------------------------------------------------------

# $B/test/ROOM/NAME.elf is tests/ROOM/NAME.c as a program; a test puts it on a disk of its own.
ifneq ($(USER_LIBC),)
$B/test/%.o: tests/%.c tools/compile tools/user.mk | $B/sources.mk $(USER_NEEDS)
	@mkdir -p $(@D)
	@tools/compile $@ $< $T $(CC) $(USER_CFLAGS)

$B/test/%.elf: $B/test/%.o $(USER_LIBRARIES) $T/abi/nikki/program.ld $(NEWLIB)/.built
	@$(LD) $(USER_LDFLAGS) -T $T/abi/nikki/program.ld -o $@.new $< --start-group $(USER_LIBRARIES) $(USER_LIBGCC) --end-group
	@strip -o $@ $@.new
	@rm -f $@.new
endif
