# weir. `make help` lists the targets.

PREFIX  ?= /usr/local
BUILD   ?= build
CC      ?= cc
VERSION := 0.1.0
MODE    ?= release

# ---- sources: every .c below these folders goes into a library; main.c is the only other one. The sandbox has one of its own, which
# SANDBOX=no (in a build folder of its own) leaves out ----
FOLDERS := base stacks plan provider sandbox cmd
SANDBOX ?= yes
ABSENT  := sandbox/absent.c
# A file whose name ends with a system's is for that alone: what each does in its own way (base/system.h), hosts of the sandbox.
SYSTEM  ?= linux
OTHERS  := $(addprefix %_,$(addsuffix .c,$(filter-out $(SYSTEM),linux macos)))
ifeq ($(SYSTEM),macos)
OTHERS  += $(filter-out %_macos.c,$(wildcard sandbox/host/*.c))
endif
SRCS    := $(filter-out cmd/main.c sandbox/% $(OTHERS),$(shell find $(FOLDERS) -name '*.c'))
SANDBOX_SRCS := $(if $(filter no,$(SANDBOX)),$(ABSENT),$(filter-out $(ABSENT) $(OTHERS),$(shell find sandbox -name '*.c')))
OBJS    := $(SRCS:%.c=$(BUILD)/%.o) $(BUILD)/embedded.o
SANDBOX_OBJS := $(SANDBOX_SRCS:%.c=$(BUILD)/%.o)
OWN     := $(BUILD)/libweir.a $(BUILD)/libsandbox.a
TESTS   := $(shell find tests/unit -name 'test_*.c' 2>/dev/null)

WARN    := -Wall -Wextra -Wconversion -Wno-sign-conversion -Wshadow -Wvla -Wformat=2 -Wmissing-prototypes -Wstrict-prototypes -Wundef
ifeq ($(CI)$(DEV),)
else
WARN    += -Werror
endif
PKGS    := jansson yaml-0.1 expat libcrypto libpcre2-8 libarchive zlib libzstd
CPPFLAGS += -I. -I$(BUILD) -D_GNU_SOURCE -DWEIR_VERSION='"$(VERSION)"' $(if $(filter macos,$(SYSTEM)),-include base/system_macos.h)
# Debuggers unwind by the debug information; tables for unwinding at run time would be a tenth of the stripped binary.
# Functions and the targets of jumps need not begin at multiples of 16: a hundredth of it, and nothing was slower.
CFLAGS_release := -O2 -g -falign-functions=1 -falign-jumps=1 -fno-asynchronous-unwind-tables -fstack-protector-strong -D_FORTIFY_SOURCE=2 -fPIE
CFLAGS_asan    := -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
CFLAGS_tsan    := -O1 -g -fsanitize=thread
CFLAGS_fuzz    := -O1 -g -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=undefined
# The table of addresses to be moved at the start, packed: else it is a fifteenth of the stripped binary. From glibc 2.36 on.
PACKED = $(eval PACKED := $(shell grep -qs GLIBC_ABI_DT_RELR "$$($(CC) -print-file-name=libc.so.6)" && echo -Wl,-z,pack-relative-relocs))$(PACKED)
LDFLAGS_linux  = -pie -Wl,-z,relro,-z,now $(PACKED) -Wl,--as-needed
LDFLAGS_macos  = -Wl,-dead_strip
LDFLAGS_release = $(LDFLAGS_$(SYSTEM))
# Without the sandbox it is for places where room is short: small throughout, and without what only the sandbox called.
ifneq ($(filter no,$(SANDBOX)),)
CFLAGS_release += -Os -ffunction-sections -fdata-sections
LDFLAGS_release += -Wl,--gc-sections
endif
LDFLAGS_asan   := -fsanitize=address,undefined
LDFLAGS_fuzz   := -fsanitize=fuzzer,address,undefined
LDFLAGS_tsan   := -fsanitize=thread
CFLAGS  ?=
ALL_CFLAGS = -std=gnu17 $(WARN) $(WARN_LESS) $(CFLAGS_$(MODE)) $(CFLAGS) $(PKG_CFLAGS) -pthread
ALL_LDFLAGS = $(LDFLAGS_$(MODE)) $(LDFLAGS)
# gcc before 12 takes {.name = STR("x")} for an initializer without names.
WARN_LESS = $(eval WARN_LESS := $(if $(filter 9 10 11,$(firstword $(subst ., ,$(shell $(CC) -dumpversion)))),-Wno-missing-field-initializers))$(WARN_LESS)
# These are asked once, and not before the first recipe: on a new machine that is when compiler and pkg-config have been installed.
PKG_CFLAGS = $(eval PKG_CFLAGS := $(shell pkg-config --cflags $(PKGS) libpq))$(PKG_CFLAGS)
PKG_LIBS = $(eval PKG_LIBS := $(shell pkg-config --libs $(PKGS)))$(PKG_LIBS)
LIBS_linux = -Wl,--start-group $(OWN) -Wl,--end-group $(PKG_LIBS) -pthread -ldl -lm
LIBS_macos = $(OWN) $(PKG_LIBS)
LIBS    = $(LIBS_$(SYSTEM))
export BUILD

.DEFAULT_GOAL := all
.PHONY: all
all: $(BUILD)/weir ## build weir into build/

.PHONY: help
help: ## list the targets
	@sed -n 's/^\([a-z][a-z0-9-]*\):[^#]*## \(.*\)/  \1\t\2/p' $(MAKEFILE_LIST) | expand -t 18

$(BUILD)/weir: $(BUILD)/cmd/main.o $(OWN)
	$(CC) $(ALL_LDFLAGS) -o $@ $< $(LIBS)

$(BUILD)/libweir.a: $(OBJS)
$(BUILD)/libsandbox.a: $(SANDBOX_OBJS)
$(OWN):
	@rm -f $@
	$(AR) rcs $@ $^

# Built for speed is only where it is felt: in these folders, but for some files of them. All else is built small, for the stripped binary
# is to stay small.
FAST := base/% stacks/% plan/% $(wildcard provider/*.c) provider/wire/% provider/http/% provider/spec/% provider/aws/%
SMALL := provider/aws/types/% $(addprefix provider/aws/,creds_% logs.c settings.c) \
  $(addprefix provider/spec/,dump.c job.c load% permissions.c act_teardown.c) stacks/functions/% \
  plan/destroy/% plan/recover/% $(addprefix plan/,evaluate/connections.c workspace/deploy.c evaluate/locations.c saved/saved.c apply/run_files.c $(addprefix state/,backend_% doctor.c file_lock.c postgres_% history.c migrate.c s3_% settings.c))
$(patsubst %.c,$(BUILD)/%.o,$(filter $(SMALL),$(SRCS)) $(filter-out $(FAST),$(SRCS) $(SANDBOX_SRCS) cmd/main.c)): CFLAGS_release += -Os
$(BUILD)/%.o: %.c | $(BUILD)/.setup-build
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)
%.d: ;

# ---- packages: looked for once in a build folder ----
SETUPS := $(addprefix $(BUILD)/.setup-,build test e2e lint fuzz dist)
$(SETUPS): $(BUILD)/.setup-%: tools/setup
	@tools/setup $*
	@mkdir -p $(@D) && touch $@
.venv/.requirements: tests/requirements.txt tools/setup
	@tools/setup python
	@touch $@
.venv: .venv/.requirements

# ---- files in the binary: specs, names that services have, modules, examples ----
EMBED := $(sort $(shell find cmd/help.yaml cmd/mcp cmd/options cmd/reference stacks/functions cmd/page cmd/reap cmd/import provider $(if $(filter no,$(SANDBOX)),,sandbox) modules examples \( -path 'cmd/help.yaml' -o -path 'cmd/reference/*.yaml' -o -path 'stacks/functions/*.yaml' -o -path 'cmd/page/*.js' -o -path 'cmd/page/*.css' -o -path 'cmd/reap/installed/*' -o -path 'cmd/options/*.yaml' -o -path 'cmd/options/completion.*sh' -o -path 'cmd/import/*.yaml' -o -path 'cmd/import/*.txt' -o -path 'cmd/mcp/*.json' -o -path 'provider/*/specs/*.yaml' -o -path 'provider/*/catalog/*.sql' -o -path 'provider/*/scripts/*.sh' -o -path 'provider/aws/*.txt' -o -path 'provider/cfn/*.txt' -o -path 'provider/iam/*.txt' -o -path 'provider/*/names/*.yaml' -o -path 'provider/*/prices.yaml' -o -path 'provider/aws/s3/*.yaml' -o -path 'provider/weir/*.yaml' -o -path 'provider/*/rules/*.yaml' -o -path 'sandbox/names/*.txt' -o -path 'sandbox/specs/*.yaml' -o -path 'sandbox/console/page/*' -o -path 'sandbox/engine/python/*.py' -o -path 'sandbox/engine/python/*.sh' -o -path 'sandbox/engine/spark/*' -o -path 'sandbox/daemon/*.properties' -o -path 'sandbox/host/scripts/*.sh' -o -path 'modules/*' -o -path 'examples/*' \) -type f \
	-not -path '*/.weir*/*' -not -name '*.pyc' 2>/dev/null))
$(BUILD)/embedded.list: FORCE
	@mkdir -p $(@D)
	@printf '%s\n' $(EMBED) | cmp -s - $@ || printf '%s\n' $(EMBED) > $@
$(BUILD)/embedded.S: $(BUILD)/embedded.list $(EMBED) tools/embed | $(BUILD)/.setup-build
	tools/embed $(BUILD)/embedded $(SYSTEM) < $< > $@
$(BUILD)/embedded.o: $(BUILD)/embedded.S | $(BUILD)/.setup-build
	$(CC) -c -o $@ $<
.PHONY: FORCE
FORCE:

# ---- unit tests: each tests/unit/**/test_*.c is a program of its own, linked with the library ----
TEST_SUPPORT := $(patsubst %.c,$(BUILD)/%.o,$(shell find tests/unit/support -name '*.c' 2>/dev/null))
TEST_BINS := $(TESTS:%.c=$(BUILD)/%)
$(TEST_BINS:=.o) $(TEST_SUPPORT): $(BUILD)/%.o: %.c | $(BUILD)/.setup-test
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<
$(TEST_BINS): $(BUILD)/%: $(BUILD)/%.o $(TEST_SUPPORT) $(OWN)
	$(CC) $(ALL_LDFLAGS) -o $@ $< $(TEST_SUPPORT) $(LIBS) -lcmocka
.PHONY: test-bins test-unit
# The fuzzers, too, are compiled: what they call may have changed.
test-bins: $(TEST_BINS) $(patsubst %.c,$(BUILD)/%.o,$(wildcard tests/fuzz/fuzz_*.c))
test-unit: test-bins ## build and run the unit tests and the language cases
	@tools/test unit $(TEST_BINS) $(QUIETLY)

.PHONY: lang-accept
lang-accept: $(BUILD)/tests/unit/stacks/test_lang ## take what tests/lang gives now as what is expected
	WEIR_LANG_ACCEPT=1 $<

# ---- all tests ----
JOBS := $(shell nproc 2>/dev/null || echo 2)
.PHONY: test test-e2e test-long
test: ## unit, language and end-to-end tests; the last line counts them; FULL=1 as in CI: also slow ones, each on all servers
	@rm -rf $(BUILD)/counts
	@$(MAKE) --no-print-directory -s -j$(JOBS) $(BUILD)/weir
	@$(MAKE) --no-print-directory -s -k -j$(JOBS) test-unit test-e2e QUIETLY='> /dev/null 2>&1' || true # their result comes at the end
	@tools/test total
$(BUILD)/sandbox_server: $(BUILD)/tests/tools/sandbox_server.o $(OWN)
	$(CC) $(ALL_LDFLAGS) -o $@ $< $(LIBS)
# Once, before all workers do it at the same time: pytest writes assertions anew, which takes longer than to import them.
$(BUILD)/pycache/.compiled: $(shell find tests -name '*.py') | $(BUILD)/weir $(BUILD)/.setup-e2e .venv/.requirements
	@tools/test compile tests/crash tests/e2e
	@touch $@
test-e2e: $(BUILD)/weir $(BUILD)/weir.1 $(BUILD)/sandbox_server $(BUILD)/pycache/.compiled ## weir against servers that others wrote, looked at with clients that others wrote
	@tools/test e2e tests/crash tests/e2e
.PHONY: test-judges
test-judges: $(BUILD)/weir $(BUILD)/sandbox_server .venv/.requirements ## what Checkov, conftest and OpenTofu's parser say of the examples; without Go Checkov only
	@tools/setup judges
	@FULL=1 tools/test e2e tests/e2e/test_rules_examples.py tests/e2e/test_export_judged.py

# Each part is a target of its own, whose failure keeps none of the others from running; the last lines say how each ended and how long it took.
PARTS := test jobs crash fuzz asan tsan
test-long: ## what takes hours: all tests also under the sanitizers, Spark jobs, crash sweeps, fuzzing; PART="jobs fuzz" for some
	@MAKE='$(MAKE)' tools/test long $(or $(PART),$(PARTS))
.PHONY: $(PARTS:%=long-%)
long-test:
	@tools/setup s3 dynamodb judges
	@$(MAKE) --no-print-directory test FULL=1
long-jobs: $(BUILD)/weir $(BUILD)/sandbox_server .venv/.requirements
	@tools/setup jobs docker machines kafka airflow grafana localstack stores judges editors
	@WEIR_LONG=1 tools/test e2e -m long tests/e2e
long-crash: $(BUILD)/weir .venv/.requirements
	@WEIR_LONG=1 tools/test e2e tests/crash
long-fuzz:
	@$(MAKE) --no-print-directory fuzz FUZZ_SECONDS=600
long-asan long-tsan: long-%:
	@$(MAKE) --no-print-directory $*

.PHONY: asan tsan
asan: ## unit and end-to-end tests under AddressSanitizer and UBSan
tsan: ## unit and end-to-end tests under ThreadSanitizer
asan tsan:
	@$(MAKE) --no-print-directory MODE=$@ BUILD=build-$@ FULL=1 test

# ---- fuzzing: tests/fuzz/fuzz_X.c with tests/fuzz/corpus/X, which needs clang, and the sandbox by tests/fuzz/calls.py ----
FUZZ_SECONDS ?= 10
FUZZERS := $(patsubst tests/fuzz/fuzz_%.c,%,$(wildcard tests/fuzz/fuzz_*.c))
.PHONY: fuzz
fuzz: $(BUILD)/.setup-fuzz .venv/.requirements ## run every fuzzer on its corpus, then for FUZZ_SECONDS on new inputs
	@$(MAKE) --no-print-directory -j$(JOBS) BUILD=build-fuzz MODE=fuzz CC=clang $(FUZZERS:%=build-fuzz/fuzz_%)
	@for f in $(FUZZERS); do mkdir -p build-fuzz/found/$$f; echo "fuzzing $$f"; \
	  build-fuzz/fuzz_$$f -max_total_time=$(FUZZ_SECONDS) -timeout=5 -rss_limit_mb=1024 -verbosity=0 -print_final_stats=0 \
	    -artifact_prefix=build-fuzz/$$f- build-fuzz/found/$$f tests/fuzz/corpus/$$f || exit 1; done
	@$(MAKE) --no-print-directory -j$(JOBS) BUILD=build-asan MODE=asan build-asan/sandbox_server
	@WEIR_SANDBOX_SERVER=build-asan/sandbox_server .venv/bin/python tests/fuzz/calls.py $(FUZZ_SECONDS)
$(BUILD)/fuzz_%: $(BUILD)/tests/fuzz/fuzz_%.o $(OWN)
	$(CC) $(ALL_LDFLAGS) -o $@ $< $(LIBS)

# ---- seeing it work, and how fast ----
.PHONY: demo bench systems live
systems: $(BUILD)/weir .venv/.requirements ## the five example systems from nothing to what they show and down again, on real engines; SYSTEMS="film-lake" for some
	@.venv/bin/python tests/tools/systems.py $(SYSTEMS)
live: $(BUILD)/weir .venv/.requirements ## types and examples against an account, and down again: WEIR_LIVE=1 WEIR_LIVE_PREFIX=ada WEIR_LIVE_CAP=5 (US dollars); LIVE="queue" for some
	@.venv/bin/python tests/tools/live.py $(LIVE)
demo: ## build weir and show the whole round on examples/film-lake
	@$(MAKE) --no-print-directory -s -j$(JOBS) $(BUILD)/weir
	@WEIR=$(BUILD)/weir tools/demo
BENCH_BINS := $(patsubst tests/bench/%.c,$(BUILD)/bench/%,$(wildcard tests/bench/*.c))
$(BUILD)/bench/%: tests/bench/%.c $(OWN) | $(BUILD)/.setup-build
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $< $(LIBS) $(shell pkg-config --cflags --libs libcurl)
bench: $(BUILD)/weir $(BUILD)/sandbox_server $(BENCH_BINS) .venv/.requirements ## measure, each figure beside a yardstick of the same run; BENCH=--quick for less
	@tools/setup s3
	.venv/bin/python tests/bench/run.py --weir $(BUILD)/weir $(BENCH)

# ---- looking at the code ----
LINTED := $(shell find $(FOLDERS) tests -name '*.[ch]' -not -path '*/corpus/*' 2>/dev/null)
.PHONY: format
format: $(BUILD)/.setup-lint ## put all C files into the style of .clang-format
	@clang-format -i $(LINTED)
SCRIPTS := tools/setup tools/test tools/embed tools/demo tools/dist tools/static .ci/run
.PHONY: lint
lint: $(BUILD)/.setup-build $(BUILD)/.setup-test $(BUILD)/.setup-lint ## clang-format, clang-tidy, cppcheck, shellcheck where it is installed; pages of docs/ up to date
	@clang-format --dry-run -Werror $(LINTED)
	@printf '%s\n' $(SRCS) $(sort $(SANDBOX_SRCS) $(ABSENT)) cmd/main.c | xargs -P $(JOBS) -n 8 clang-tidy --quiet 2> $(BUILD)/tidy.log
	@cppcheck --quiet -j $(JOBS) --std=c11 --enable=warning,performance,portability --inline-suppr --error-exitcode=1 \
	  --suppress=missingIncludeSystem --suppress=normalCheckLevelMaxBranches --suppress=internalAstError \
	  --suppress=returnDanglingLifetime:stacks/functions/func.c -D_GNU_SOURCE -I. $(FOLDERS)
	@if command -v shellcheck > /dev/null; then shellcheck $(SCRIPTS); fi
	@$(MAKE) --no-print-directory -s docs-check
	@echo "lint: clean"

# ---- pages made from the program's tables ----
$(BUILD)/weir.1: $(BUILD)/weir
	$(BUILD)/weir docs commands --format man > $@
.PHONY: docs man
man: $(BUILD)/weir.1 ## the manual page
DOCS := docs
docs: $(BUILD)/weir ## docs/cli.md, docs/functions.md and docs/types/ from the program's own tables, docs/layers.svg from the code
	@mkdir -p $(DOCS)/types && rm -f $(DOCS)/types/*.md
	tools/layers.py > $(DOCS)/layers.svg
	$(BUILD)/weir docs commands --format markdown > $(DOCS)/cli.md
	$(BUILD)/weir docs functions --format markdown > $(DOCS)/functions.md
	$(BUILD)/weir docs --format markdown > $(DOCS)/types/README.md
	@sed -n 's/^| \[\([^]]*\)\](\([^)]*\)\.md).*/\2/p' $(DOCS)/types/README.md | while read -r type; do \
	  $(BUILD)/weir docs "$$type" --format markdown > "$(DOCS)/types/$$type.md" || exit 1; done
.PHONY: docs-check
docs-check: $(BUILD)/weir
	@rm -rf $(BUILD)/docs
	@$(MAKE) --no-print-directory -s docs DOCS=$(BUILD)/docs
	@for page in layers.svg cli.md functions.md types; do diff -rq docs/$$page $(BUILD)/docs/$$page || { echo "docs: run make docs"; exit 1; }; done

# ---- installing ----
# Into whatever folder, with a space in its name too.
INSTALL_ROOT = "$(DESTDIR)$(PREFIX)"
.PHONY: install uninstall
install: $(BUILD)/weir $(BUILD)/weir.1 ## the program, its manual page and completions into PREFIX (DESTDIR is honoured)
	install -d $(INSTALL_ROOT)/bin $(INSTALL_ROOT)/share/man/man1 $(INSTALL_ROOT)/share/bash-completion/completions \
	  $(INSTALL_ROOT)/share/zsh/site-functions $(INSTALL_ROOT)/share/fish/vendor_completions.d
	install -m 755 -s $(BUILD)/weir $(INSTALL_ROOT)/bin/weir
	install -m 644 $(BUILD)/weir.1 $(INSTALL_ROOT)/share/man/man1/weir.1
	$(BUILD)/weir completion bash > $(INSTALL_ROOT)/share/bash-completion/completions/weir
	$(BUILD)/weir completion zsh > $(INSTALL_ROOT)/share/zsh/site-functions/_weir
	$(BUILD)/weir completion fish > $(INSTALL_ROOT)/share/fish/vendor_completions.d/weir.fish
uninstall: ## take them away again
	rm -f $(INSTALL_ROOT)/bin/weir $(INSTALL_ROOT)/share/man/man1/weir.1 $(INSTALL_ROOT)/share/bash-completion/completions/weir \
	  $(INSTALL_ROOT)/share/zsh/site-functions/_weir $(INSTALL_ROOT)/share/fish/vendor_completions.d/weir.fish

# ---- the extension for VS Code, with the client that it is made of in one file; takes npm ----
.PHONY: vscode
vscode: $(BUILD)/weir.vsix ## the extension for VS Code, in build/weir.vsix
$(BUILD)/weir.vsix: $(addprefix editors/vscode/,extension.js package.json package-lock.json README.md) LICENSE
	@rm -rf $(BUILD)/vscode && mkdir -p $(BUILD)/vscode && cp $^ $(BUILD)/vscode/
	@cd $(BUILD)/vscode && npm ci --silent --ignore-scripts --no-audit --no-fund && npm run --silent build && npm run --silent package > package.log
	@touch $@

# ---- releasing ----
MACHINES ?= x86_64 aarch64 x86_64-macos aarch64-macos
.PHONY: dist test-dist
test-dist: $(BUILD)/.setup-dist $(BUILD)/weir $(BUILD)/sandbox_server .venv/.requirements ## a release, twice the same and installed; the static program where nothing else is
	@tools/setup machines docker release
	@WEIR_LONG=1 tools/test e2e tests/e2e/test_dist.py tests/e2e/test_installation.py tests/e2e/test_static*.py
dist: $(BUILD)/.setup-dist ## a release of the last commit in dist/: source, .deb, programs for MACHINES in all kinds of packages, what is in them, hashes; WEIR_SIGN_KEY=FILE signs it
	@tools/dist $(VERSION) dist $(MACHINES)
.PHONY: static
static: $(BUILD)/.setup-dist ## one program for each of MACHINES, with all libraries in it: any Linux, macOS; in build-MACHINE/weir
	@for machine in $(MACHINES); do tools/static $$machine || exit 1; done

.PHONY: clean
clean: ## remove what was built (not .venv)
	rm -rf build build-asan build-tsan build-fuzz $(MACHINES:%=build-%) dist
