# The core's tests: plain programs, no server.  Included by the Makefile.
#   make test-unit [SUITE=name]           unit tests under the sanitizers
#   make fuzz [FUZZ_SECONDS=n]            every fuzz target for n seconds (clang)
#   make simulation [RUNS=n] [SEED=s]     random workflows against the invariants

# One allocation, one chunk: so that the address sanitizer sees its end.
CORE_CHECKED = -std=gnu11 -g -O1 -fno-omit-frame-pointer -Wall -Wextra $(WERROR) \
	-fsanitize=address,undefined -fno-sanitize-recover=undefined \
	-DHITL_ARENA_CHUNK=0 -Isrc -Itest/unit
CORE_HEADERS = $(wildcard src/core/*.h test/unit/*.h)
UNIT_SOURCES = $(sort $(wildcard test/unit/*.c))

build/unit: $(CORE_SOURCES) $(UNIT_SOURCES) $(CORE_HEADERS)
	@mkdir -p build
	$(CC) $(CORE_CHECKED) -Wl,--wrap=malloc -o $@ $(CORE_SOURCES) $(UNIT_SOURCES) -ljansson -lm

.PHONY: test-unit
test-unit: build/unit
	build/unit $(SUITE)
