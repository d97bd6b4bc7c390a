# Commands for those who work on hitl.  Each installs what it needs (dev/setup)
# and builds what it needs; CONTRIBUTING.md explains them.

.PHONY: demo test test-regress test-isolation test-e2e test-docs test-real-inference lint format bench

demo:
	@dev/setup
	@dev/demo

test:
	@dev/setup test
	@test/run

test-regress test-isolation test-e2e test-docs:
	@dev/setup test
	@test/run $(@:test-%=%)

test-real-inference:
	@dev/setup real
	@test/real-inference

lint:
	@dev/setup test
	@dev/lint

format:
	@dev/setup test
	@dev/lint --format

bench:
	@dev/setup bench
	@bench/run

# Without PGXS a plain `make` would build half of it and look content.
ifeq ($(PGXS),)
all install installcheck: no-pgxs
.PHONY: no-pgxs
no-pgxs:
	@echo "hitl: no $(PG_CONFIG); install PostgreSQL's server headers (dev/setup does)" >&2; exit 1
endif
