# The core's tests: plain programs, no server.  Included by the Makefile.
#   make test-unit [SUITE=name]           unit tests under the sanitizers
#   make fuzz [FUZZ_SECONDS=n]            every fuzz target for n seconds (clang)
#   make simulation [RUNS=n] [SEED=s]     random workflows against the invariants
#   make simulation-checked               fewer of them under the sanitizers

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

SIMULATION_PARTS = $(filter-out %/speed.c,$(sort $(wildcard test/simulation/*.c)))
SIMULATION_NEEDS = $(CORE_SOURCES) $(SIMULATION_PARTS) $(CORE_HEADERS) test/simulation/world.h
SIMULATION_FLAGS = -DHITL_STEP_BUDGET=60 -Itest/simulation
RUNS = 1000000
SEED = 1

# Optimised, for many schedules; and checked, for some.
build/simulation: $(SIMULATION_NEEDS)
	@mkdir -p build
	$(CC) -std=gnu11 -g -O2 -Wall -Wextra $(WERROR) -Isrc $(SIMULATION_FLAGS) -o $@ $(CORE_SOURCES) $(SIMULATION_PARTS) -lm

build/simulation-checked: $(SIMULATION_NEEDS)
	@mkdir -p build
	$(CC) $(CORE_CHECKED) $(SIMULATION_FLAGS) -o $@ $(CORE_SOURCES) $(SIMULATION_PARTS) -lm

.PHONY: simulation simulation-checked
simulation: build/simulation
	build/simulation $(RUNS) $(SEED)
simulation-checked: RUNS = 5000
simulation-checked: build/simulation-checked
	build/simulation-checked $(RUNS) $(SEED)

build/core-speed: $(CORE_SOURCES) test/simulation/speed.c $(CORE_HEADERS)
	@mkdir -p build
	$(CC) -std=gnu11 -O2 -Isrc -o $@ $(CORE_SOURCES) test/simulation/speed.c -lm

.PHONY: core-speed
core-speed: build/core-speed
	build/core-speed

# New inputs that a run finds go to build/corpus; those worth keeping are
# copied to test/fuzz/corpus by hand.
FUZZ_CLANG ?= clang
FUZZ_SECONDS ?= 20
FUZZ_TARGETS = $(patsubst test/fuzz/fuzz_%.c,%,$(sort $(wildcard test/fuzz/fuzz_*.c)))

# What the gateway reads by itself knows no PostgreSQL either.
FUZZ_SOURCES = test/fuzz/common.c src/worker/gateway_http.c src/worker/gateway_clients.c $(CORE_SOURCES)

build/fuzz_%: test/fuzz/fuzz_%.c test/fuzz/fuzz.h $(FUZZ_SOURCES) $(CORE_HEADERS) $(wildcard src/worker/gateway_*.h)
	@mkdir -p build
	$(FUZZ_CLANG) $(CORE_CHECKED) -fsanitize=fuzzer -o $@ $< $(FUZZ_SOURCES) -ljansson -lm

.PHONY: fuzz
fuzz: $(FUZZ_TARGETS:%=build/fuzz_%)
	@for target in $(FUZZ_TARGETS); do \
		mkdir -p build/corpus/$$target; \
		echo "fuzz $$target for $(FUZZ_SECONDS) s"; \
		build/fuzz_$$target -max_total_time=$(FUZZ_SECONDS) -timeout=5 -rss_limit_mb=1024 -verbosity=0 \
			-print_final_stats=1 -artifact_prefix=build/$$target- \
			build/corpus/$$target test/fuzz/corpus/$$target || exit 1; \
	done; echo "fuzz: no target failed"
