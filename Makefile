# hitl: plain PGXS.  `make`, `make install` and `make installcheck` need only a
# PostgreSQL with its server headers, libcurl and libmicrohttpd; every other target
# prepares what it needs by itself (dev/setup) and works on a private copy of
# the installation (dev/lib.sh), so no system directory is written to.

EXTENSION = hitl
EXTVERSION = 0.3.0
MODULE_big = hitl
OBJS = $(patsubst %.c,%.o,$(sort $(wildcard src/*.c src/workflow/*.c src/approval/*.c \
	src/undo/*.c src/agent/*.c src/channel/*.c src/web/*.c src/worker/*.c)))

# The order is that of the extension script: tables before what reads them.
SQL_PARTS = src/hitl.sql src/library.sql \
	src/workflow/identifier.sql src/workflow/definition.sql \
	src/workflow/workflow.sql src/workflow/idempotency.sql \
	src/workflow/template.sql src/workflow/statement.sql \
	src/approval/principal.sql src/approval/request.sql src/approval/policy.sql src/approval/answer.sql \
	src/approval/type.sql src/approval/response.sql src/approval/revision.sql src/approval/inbox.sql \
	src/approval/rule.sql src/approval/receipt.sql src/approval/statistics.sql \
	src/undo/checkpoint.sql src/worker/secret.sql \
	src/agent/model.sql src/agent/tool.sql src/agent/agent.sql \
	src/worker/limits.sql src/worker/outbox.sql src/agent/usage.sql src/agent/budget.sql src/worker/redaction.sql \
	src/worker/circuit_breaker.sql src/channel/channel.sql src/channel/message.sql \
	src/channel/notification.sql src/channel/rendering.sql src/workflow/queue.sql \
	src/workflow/external.sql src/workflow/signal.sql src/workflow/child.sql \
	src/workflow/control.sql src/workflow/command.sql \
	src/workflow/recovery.sql \
	src/workflow/status.sql src/agent/memory.sql src/workflow/evidence.sql src/workflow/await.sql \
	src/workflow/admission.sql src/workflow/schedule.sql src/workflow/retention.sql src/workflow/display.sql \
	src/worker/worker.sql src/worker/news.sql src/worker/gateway.sql src/worker/metrics.sql \
	src/web/crypto.sql src/web/call_as.sql src/web/route.sql src/web/once.sql src/web/form.sql \
	src/web/document.sql src/web/token.sql src/web/page.sql src/web/session.sql src/web/action_token.sql \
	src/web/action.sql src/web/openapi.sql src/web/api.sql src/web/hook.sql \
	src/channel/slack.sql src/access.sql

# From each version to the next; src/upgrade has them without what they share
# with the parts above, until the next version is begun (CONTRIBUTING.md).
UPGRADES = $(notdir $(wildcard src/upgrade/$(EXTENSION)--*--*.sql))

DATA_built = $(EXTENSION)--$(EXTVERSION).sql $(UPGRADES)
# PostgreSQL 15 leaves PGDLLEXPORT empty, and nothing else is to be visible.
PG_CPPFLAGS = -I$(srcdir)/src '-DPGDLLEXPORT=__attribute__((visibility("default")))' \
	'-DHITL_VERSION="$(EXTVERSION)"'
PG_CFLAGS = -Wextra -Wno-unused-parameter -Wno-missing-field-initializers \
	-Wno-sign-compare -fvisibility=hidden $(WERROR)
SHLIB_LINK = -lcurl -lmicrohttpd -ldl
EXTRA_CLEAN = hitl_core.so src/core/*.o build results output_iso \
	regression.diffs regression.out

REGRESS = $(patsubst sql/%.sql,%,$(sort $(wildcard sql/*.sql)))
REGRESS_OPTS = --load-extension=hitl
ISOLATION = $(patsubst test/isolation/specs/%.spec,%,$(sort $(wildcard test/isolation/specs/*.spec)))
ISOLATION_OPTS = --inputdir=test/isolation --load-extension=hitl

PG_CONFIG ?= pg_config
# The bitcode for inlining would need clang on every machine that builds.
override with_llvm = no
PGXS := $(shell $(PG_CONFIG) --pgxs 2>/dev/null)
include $(PGXS)

all: hitl_core.so

# Dependency tracking by hand: every object on every header is cheap here, and on
# the version, which is above.
$(OBJS): Makefile $(wildcard src/*.h src/*/*.h)

# ---- the core: a library of its own, without PostgreSQL ----
CORE_SOURCES = $(sort $(wildcard src/core/*.c))
CORE_OBJS = $(CORE_SOURCES:.c=.o)
CORE_CFLAGS = -std=gnu11 -g -O2 -fPIC -fvisibility=hidden -Wall -Wextra $(WERROR)

src/core/%.o: src/core/%.c $(wildcard src/core/*.h)
	$(CC) $(CORE_CFLAGS) -Isrc -c -o $@ $<

hitl_core.so: $(CORE_OBJS)
	$(CC) -shared -Wl,-z,relro -Wl,-z,now -o $@ $(CORE_OBJS) -lm

$(EXTENSION)--$(EXTVERSION).sql: src/upgrade/assemble.awk $(SQL_PARTS)
	{ printf '%s\n' '-- Built from src/**/*.sql by make; edit those.' \
		'\echo Use "CREATE EXTENSION hitl" to load this file. \quit'; \
	  for part in $(SQL_PARTS); do \
		echo "-- $$part"; echo 'SET LOCAL search_path = pg_catalog, pg_temp;'; \
		awk -v version=$(EXTVERSION) -f src/upgrade/assemble.awk $$part || exit 1; \
	  done; } >$@.new
	mv $@.new $@

$(UPGRADES): %.sql: src/upgrade/assemble.awk $(SQL_PARTS) src/upgrade/begin.sql src/upgrade/%.sql src/upgrade/end.sql
	{ printf '%s\n' '-- Built from src/upgrade by make; edit that.' \
		'\echo Use "ALTER EXTENSION hitl UPDATE" to load this file. \quit' \
		'SET LOCAL search_path = pg_catalog, pg_temp;' && \
	  awk -v version="$$(echo $* | sed 's/.*--//')" -f src/upgrade/assemble.awk \
		src/library.sql src/upgrade/begin.sql src/upgrade/$@ src/upgrade/end.sql; } >$@.new
	mv $@.new $@

install: install-core
uninstall: uninstall-core
.PHONY: install-core uninstall-core
install-core: hitl_core.so installdirs
	$(INSTALL_SHLIB) hitl_core.so '$(DESTDIR)$(pkglibdir)/hitl_core.so'
uninstall-core:
	rm -f '$(DESTDIR)$(pkglibdir)/hitl_core.so'

include dev/targets.mk
include test/core.mk
