# weir. `make help` lists the targets.

PREFIX  ?= /usr/local
BUILD   ?= build
CC      ?= cc
VERSION := 0.1.0
MODE    ?= release

# ---- sources: every .c below the rooms goes into the library; main.c is the only other one ----
ROOMS   := base stacks plan provider cmd
SRCS    := $(filter-out cmd/main.c,$(shell find $(ROOMS) -name '*.c'))
OBJS    := $(SRCS:%.c=$(BUILD)/%.o) $(BUILD)/embedded.o
TESTS   := $(shell find tests/unit -name 'test_*.c' 2>/dev/null)

WARN    := -Wall -Wextra -Wconversion -Wno-sign-conversion -Wshadow -Wvla -Wformat=2 -Wmissing-prototypes -Wstrict-prototypes -Wundef
ifeq ($(CI)$(DEV),)
else
WARN    += -Werror
endif
PKGS    := jansson yaml-0.1 expat libcrypto libpcre2-8 libarchive
CPPFLAGS += -I. -I$(BUILD) -D_GNU_SOURCE -DWEIR_VERSION='"$(VERSION)"'
CFLAGS_release := -O2 -g -fstack-protector-strong -D_FORTIFY_SOURCE=2 -fPIE
CFLAGS_asan    := -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
CFLAGS_tsan    := -O1 -g -fsanitize=thread
CFLAGS_fuzz    := -O1 -g -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=undefined
LDFLAGS_release := -pie -Wl,-z,relro,-z,now -Wl,--as-needed
LDFLAGS_asan   := -fsanitize=address,undefined
LDFLAGS_fuzz   := -fsanitize=fuzzer,address,undefined
LDFLAGS_tsan   := -fsanitize=thread
CFLAGS  ?=
ALL_CFLAGS = -std=gnu17 $(WARN) $(CFLAGS_$(MODE)) $(CFLAGS) $(shell pkg-config --cflags $(PKGS) libpq) -pthread
ALL_LDFLAGS = $(LDFLAGS_$(MODE)) $(LDFLAGS)
LIBS    = $(shell pkg-config --libs $(PKGS)) -pthread -ldl -lm

.DEFAULT_GOAL := all
.PHONY: all
all: $(BUILD)/weir ## build weir into build/

$(BUILD)/weir: $(BUILD)/cmd/main.o $(BUILD)/libweir.a
	$(CC) $(ALL_LDFLAGS) -o $@ $< $(BUILD)/libweir.a $(LIBS)

$(BUILD)/libweir.a: $(OBJS)
	@rm -f $@
	$(AR) rcs $@ $(OBJS)

$(BUILD)/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)

# ---- files in the binary: specs, modules, examples ----
EMBED := $(sort $(shell find provider modules examples \( -path 'provider/*/specs/*.yaml' -o -path 'modules/*' -o -path 'examples/*' \) -type f \
	-not -path '*/.weir/*' -not -name '*.pyc' 2>/dev/null))
$(BUILD)/embedded.list: FORCE
	@mkdir -p $(@D)
	@printf '%s\n' $(EMBED) | cmp -s - $@ || printf '%s\n' $(EMBED) > $@
$(BUILD)/embedded.S: $(BUILD)/embedded.list $(EMBED) tools/embed
	tools/embed < $< > $@
$(BUILD)/embedded.o: $(BUILD)/embedded.S
	$(CC) -c -o $@ $<
.PHONY: FORCE
FORCE:

# ---- unit tests: each tests/unit/**/test_*.c is a program of its own, linked with the library ----
TEST_SUPPORT := $(patsubst %.c,$(BUILD)/%.o,$(shell find tests/unit/support -name '*.c' 2>/dev/null))
TEST_BINS := $(TESTS:%.c=$(BUILD)/%)
$(TEST_BINS): $(BUILD)/%: $(BUILD)/%.o $(TEST_SUPPORT) $(BUILD)/libweir.a
	$(CC) $(ALL_LDFLAGS) -o $@ $< $(TEST_SUPPORT) $(BUILD)/libweir.a $(LIBS) -lcmocka
.PHONY: test-unit
test-unit: $(TEST_BINS) ## build and run the unit tests
	@failed=0; for t in $(TEST_BINS); do $$t > $$t.log 2>&1 || { failed=1; cat $$t.log; echo "FAILED: $$t"; }; done; \
	[ $$failed = 0 ] && echo "unit tests: $(words $(TEST_BINS)) programs passed"

.PHONY: lang-accept
lang-accept: $(BUILD)/tests/unit/stacks/test_lang ## take what tests/lang gives now as what is expected
	WEIR_LANG_ACCEPT=1 $<

# ---- fuzzing: tests/fuzz/fuzz_X.c with tests/fuzz/corpus/X; needs clang ----
FUZZ_SECONDS ?= 10
FUZZERS := $(patsubst tests/fuzz/fuzz_%.c,%,$(wildcard tests/fuzz/fuzz_*.c))
.PHONY: fuzz
fuzz: ## run every fuzzer on its corpus, then for FUZZ_SECONDS on new inputs
	@$(MAKE) --no-print-directory BUILD=build-fuzz MODE=fuzz CC=clang $(FUZZERS:%=build-fuzz/fuzz_%)
	@for f in $(FUZZERS); do mkdir -p build-fuzz/found/$$f; echo "fuzzing $$f"; \
	  build-fuzz/fuzz_$$f -max_total_time=$(FUZZ_SECONDS) -timeout=5 -rss_limit_mb=1024 -verbosity=0 -print_final_stats=0 \
	    -artifact_prefix=build-fuzz/$$f- build-fuzz/found/$$f tests/fuzz/corpus/$$f || exit 1; done
$(BUILD)/fuzz_%: $(BUILD)/tests/fuzz/fuzz_%.o $(BUILD)/libweir.a
	$(CC) $(ALL_LDFLAGS) -o $@ $< $(BUILD)/libweir.a $(LIBS)
