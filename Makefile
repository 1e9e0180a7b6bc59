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
LDFLAGS_release := -pie -Wl,-z,relro,-z,now -Wl,--as-needed
LDFLAGS_asan   := -fsanitize=address,undefined
LDFLAGS_tsan   := -fsanitize=thread
CFLAGS  ?=
ALL_CFLAGS = -std=gnu17 $(WARN) $(CFLAGS_$(MODE)) $(CFLAGS) $(shell pkg-config --cflags $(PKGS)) -pthread
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
