# ampql. `make help` lists the targets. All output goes to build/ (the default release) or build/<variant>/.

V     ?= 0
SAN   ?=
HTTP  ?= 1
CC    ?= gcc
CXX   ?= g++
PYTHON ?= python3
ifeq ($(origin CC),default)
CC := gcc
endif
ifeq ($(origin CXX),default)
CXX := g++
endif

# What differs from the default release names the variant: clang-address-undefined, nohttp, ...
comma := ,
empty :=
VARIANT ?= $(subst $(empty) ,-,$(strip $(if $(findstring clang,$(CC)),clang) $(subst $(comma),-,$(SAN)) \
	$(if $(filter 0,$(HTTP)),nohttp) $(if $(COVERAGE),coverage)))
B := build$(if $(VARIANT),/$(VARIANT))
# Jobs of a build that a check starts, unless make was given its own number.
JOBS := $(if $(filter -j% --jobserver%,$(MAKEFLAGS)),,-j$(shell nproc 2>/dev/null || echo 1))

WARN := -Wall -Wextra -Wpedantic -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith \
	-Wwrite-strings -Wvla -Wundef
WARNXX := -Wall -Wextra -Wpedantic -Wshadow -Wundef
ifneq ($(CI)$(WERROR),)
WARN += -Werror
WARNXX += -Werror
endif
OPT := $(if $(SAN),-O1 -g -fno-omit-frame-pointer -fsanitize=$(SAN) -fno-sanitize-recover=all,-O3 -g)
ifdef COVERAGE
# -O1: half the time of -O0, and nothing is merged that lies on lines of its own.
OPT := -O1 -g --coverage -fno-inline -DAMPQL_COVERAGE
endif

LIBS_CORE := re2 libxxhash libcjson yaml-0.1 zlib libzstd libcrypto
LIBS_HTTP := snappy
# Not linked, but loaded when they are needed: http_library.h, serve_library.h.
LIBS_LOADED := libcurl libssl libmicrohttpd
PKGS := $(LIBS_CORE) $(if $(filter 0,$(HTTP)),,$(LIBS_HTTP))
# Only asked for when something is built, and then once, so that `make deps` and `make help` work on a bare machine.
PKG_CFLAGS = $(eval PKG_CFLAGS := $$(shell pkg-config --cflags $(PKGS) $(if $(filter 0,$(HTTP)),,$(LIBS_LOADED))))$(PKG_CFLAGS)
PKG_LIBS   = $(eval PKG_LIBS := $$(shell pkg-config --libs $(PKGS)))$(PKG_LIBS)

# Exact arithmetic: no fused multiply-add, no reassociation, SSE2 doubles.
EXACT := -ffp-contract=off -fno-fast-math
# What makes a memory error that all tests missed hard to use; `make hardening` looks for it in the built files.
MACHINE := $(shell $(CC) -dumpmachine)
HARDEN := -fPIC -fstack-protector-strong -fstack-clash-protection \
	$(if $(filter x86_64-%,$(MACHINE)),-fcf-protection=full) $(if $(filter aarch64-%,$(MACHINE)),-mbranch-protection=standard) \
	$(if $(SAN)$(COVERAGE),,-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2)
HARDEN_LINK := -Wl,-z,relro,-z,now,-z,noexecstack,-z,separate-code
# The folder that it is built in leaves no trace, so that two builds are equal (make reproducible).
COMMON = -Iinclude -Isrc $(EXACT) $(OPT) -ffile-prefix-map=$(CURDIR)=. $(HARDEN) -fvisibility=hidden -MMD -MP -DAMPQL_HTTP=$(HTTP)
CFLAGS_ALL   = -std=c11 -D_GNU_SOURCE $(COMMON) $(WARN) $(PKG_CFLAGS) $(CFLAGS)
CXXFLAGS_ALL = -std=c++17 $(COMMON) $(WARNXX) $(PKG_CFLAGS) $(CXXFLAGS)
LDFLAGS_ALL  = $(if $(SAN),-fsanitize=$(SAN)) $(if $(COVERAGE),--coverage) $(HARDEN_LINK) $(LDFLAGS)
LDLIBS_ALL   = $(PKG_LIBS) -lstdc++ -lm -lpthread $(LDLIBS)

# Sources are found, so that adding a file edits nothing here.
LIB_LAYERS := base series lang plan eval source engine rules cost serve api
# What talks HTTP, and the tests of it, is left out with HTTP=0.
NET := http auth sigv4 aws credentials server fetch
NET_SRC := $(if $(filter 0,$(HTTP)),$(foreach n,$(NET),src/source/$(n)% tests/test_$(n)% tests/support/$(n)% fuzz/fuzz_$(n)%))
LIB_SRC  := $(sort $(filter-out $(NET_SRC),$(foreach l,$(LIB_LAYERS),$(shell find src/$(l) -name '*.c' -o -name '*.cc' 2>/dev/null))))
CMD_SRC  := $(sort $(foreach l,tool cli,$(shell find src/$(l) -name '*.c' 2>/dev/null)))
TEST_SRC := $(sort $(filter-out $(NET_SRC),$(wildcard tests/test_*.c)))
CLUSTER_SRC := $(sort $(wildcard tests/bench/cluster*.c))
SUPPORT_SRC := $(sort $(filter-out $(NET_SRC),$(wildcard tests/support/*.c tests/reference/*.c))) $(CLUSTER_SRC)
FUZZ_SRC := $(sort $(filter-out $(NET_SRC),$(wildcard fuzz/fuzz_*.c)))
QUICK_SRC := tests/bench/column.c tests/bench/kernels.c tests/bench/capture.c tests/bench/json.c tests/bench/tsdb.c
BENCH_SRC := $(filter-out $(CLUSTER_SRC) $(QUICK_SRC),$(sort $(wildcard tests/bench/*.c)))
EXAMPLE_SRC := $(sort $(wildcard examples/*.c))
HEADERS := $(sort $(shell find include src -name '*.h'))

obj = $(patsubst %,$(B)/obj/%.o,$(1))
LIB_OBJ  := $(call obj,$(LIB_SRC))
CMD_OBJ  := $(call obj,$(CMD_SRC))
TESTS    := $(patsubst tests/%.c,$(B)/tests/%,$(TEST_SRC))
FUZZERS  := $(patsubst fuzz/fuzz_%.c,%,$(FUZZ_SRC))
FUZZ_REPLAY := $(patsubst %,$(B)/fuzz/replay_%,$(FUZZERS))
BENCHES := $(patsubst tests/bench/%.c,$(B)/bench/%,$(BENCH_SRC))
QUICK := $(patsubst tests/bench/%.c,$(B)/bench/%,$(QUICK_SRC))
EXAMPLES := $(patsubst examples/%.c,$(B)/examples/%,$(EXAMPLE_SRC))
LIB  := $(B)/libampql.a
SO   := $(B)/libampql.so
CMD  := $(B)/ampql

say = $(if $(filter 1,$(V)),,@printf '  %-4s %s\n' $(1) $(2);)

.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
include src/cli/dist/install.mk

.PHONY: all help deps demo check check-built binaries test text examples corpus rules symbols hardening layers readme format \
	format-check clean fuzz differential tsdb formats newest grids botocore fetch newest-fetch fetch-kill fetch-peak canaries bench \
	bench-quick growth instructions rules-oracle serve serve-oracle serve-go serve-load capture-bench bill-bench capture-damage \
	alloc-failures call-failures capture-replay cancel budget determinism soak cost-model opencost opencost-clusters cost-clusters page

all: $(LIB) $(SO) $(CMD) $(EXAMPLES) ## library, command, examples

help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## */\1\t/' | \
	  while IFS="$$(printf '\t')" read -r t d; do printf '  make %-14s %s\n' "$$t" "$$d"; done
	@echo '  variables: V=1 (show commands)  T=name (one test)  SAN=address,undefined  HTTP=0 (no libcurl)'
	@echo '             CC=clang CXX=clang++  WERROR=1  COVERAGE=1; each builds in its own build/VARIANT/'

DEPS := gcc g++ make binutils pkg-config git libre2-dev libxxhash-dev libcjson-dev libyaml-dev zlib1g-dev \
	libcmocka-dev python3 libssl-dev libzstd-dev $(if $(filter 0,$(HTTP)),,libcurl4-openssl-dev libsnappy-dev libmicrohttpd-dev openssl python3-h2 python3-yaml)
deps: ## install what is missing, with apt
	@sh src/cli/dist/deps.sh $(DEPS)

$(B)/obj/%.c.o: %.c
	@mkdir -p $(@D)
	$(call say,CC,$<)$(CC) $(CFLAGS_ALL) $(if $(filter tests/% fuzz/%,$<),-Itests) $(if $(filter fuzz/%,$<),-Wno-missing-prototypes) \
	  -c -o $@ $<

# Nobody reads floating-point flags, and without them this file's comparisons become vector code. Not for all files: gcc 12
# then takes the sign of a zero less seriously.
$(call obj,src/eval/change.c): EXACT += -fno-trapping-math

$(B)/obj/%.cc.o: %.cc
	@mkdir -p $(@D)
	$(call say,CXX,$<)$(CXX) $(CXXFLAGS_ALL) -c -o $@ $<

# One relocatable object with hidden names made local, so that a static link cannot clash with the host.
$(LIB): $(LIB_OBJ)
	$(call say,AR,$@)ld -r --force-group-allocation -o $(B)/libampql.o $^ && \
	  objcopy -w --keep-global-symbol='ampql_*' $(B)/libampql.o && rm -f $@ && ar rcsD $@ $(B)/libampql.o

$(SO): $(LIB_OBJ) src/api/exports.map
	$(call say,LD,$@)$(CXX) -shared -Wl,--as-needed -Wl,-soname,libampql.so.0 -Wl,--version-script=src/api/exports.map \
	  $(if $(SAN),,-Wl,-z,defs) $(LDFLAGS_ALL) -o $@ $(LIB_OBJ) $(LDLIBS_ALL)

# The command and the tests reach below the public names, so they link the objects themselves.
$(CMD): $(CMD_OBJ) $(LIB_OBJ)
	$(call say,LD,$@)$(CXX) $(LDFLAGS_ALL) -o $@ $^ $(LDLIBS_ALL)

SUPPORT_OBJ := $(call obj,$(SUPPORT_SRC))
TOOL_OBJ := $(call obj,$(filter-out src/cli/main.c,$(CMD_SRC)))
$(TESTS): $(B)/tests/%: $(B)/obj/tests/%.c.o $(SUPPORT_OBJ) $(TOOL_OBJ) $(LIB_OBJ)
	@mkdir -p $(@D)
	$(call say,LD,$@)$(CXX) $(LDFLAGS_ALL) -o $@ $^ $(LDLIBS_ALL) -lcmocka

$(EXAMPLES): $(B)/examples/%: examples/%.c $(LIB)
	@mkdir -p $(@D)
	$(call say,LD,$@)$(CC) -std=c11 -Wall -Wextra -Iinclude -c -o $@.o $< && \
	  $(CXX) $(LDFLAGS_ALL) -o $@ $@.o $(LIB) $(LDLIBS_ALL)

# The loader writes as the command does; the measurement knows what a stranger would.
$(B)/bench/bench: $(LIB)
$(B)/bench/load: $(TOOL_OBJ) $(LIB_OBJ)
$(BENCHES): $(B)/bench/%: $(B)/obj/tests/bench/%.c.o $(call obj,$(CLUSTER_SRC))
	@mkdir -p $(@D)
	$(call say,LD,$@)$(CXX) $(LDFLAGS_ALL) -o $@ $^ $(LDLIBS_ALL) -lcurl

# Only measured against.
SIMDJSON := $(shell pkg-config --exists simdjson 2>/dev/null && echo 1)
$(B)/bench/json: $(B)/obj/tests/bench/json_simdjson.cc.o
$(B)/bench/json: LDLIBS += $(if $(SIMDJSON),-lsimdjson)
$(B)/obj/tests/bench/json_simdjson.cc.o: COMMON += -Itests -DBENCH_SIMDJSON=$(or $(SIMDJSON),0)

# What is measured without a server reaches below the public names.
$(QUICK): $(B)/bench/%: $(B)/obj/tests/bench/%.c.o $(SUPPORT_OBJ) $(TOOL_OBJ) $(LIB_OBJ)
	@mkdir -p $(@D)
	$(call say,LD,$@)$(CXX) $(LDFLAGS_ALL) -o $@ $^ $(LDLIBS_ALL) -lcmocka

RANDOM := $(B)/oracle/random
$(RANDOM): $(call obj,$(filter-out tests/oracle/newest% tests/oracle/sigv4_random%,$(wildcard tests/oracle/*.c))) $(SUPPORT_OBJ) $(TOOL_OBJ) $(LIB_OBJ)
	@mkdir -p $(@D)
	$(call say,LD,$@)$(CXX) $(LDFLAGS_ALL) -o $@ $^ $(LDLIBS_ALL) -lcmocka -lcurl

# What fails on purpose: allocations, through our hook and in libraries.
FAULTS := $(B)/faults
$(FAULTS)/alloc_failures: LDFLAGS += -Wl,--wrap=cxx_regex_new
$(FAULTS)/alloc_failures: $(call obj,$(filter-out %_shim.c,$(wildcard tests/faults/*.c))) $(SUPPORT_OBJ) $(TOOL_OBJ) $(LIB_OBJ)
	@mkdir -p $(@D)
	$(call say,LD,$@)$(CXX) $(LDFLAGS_ALL) -o $@ $^ $(LDLIBS_ALL) -lcmocka

$(FAULTS)/%_shim.so: $(B)/obj/tests/faults/%_shim.c.o
	@mkdir -p $(@D)
	$(call say,LD,$@)$(CC) -shared -o $@ $< -ldl

.SECONDARY:

# ---- checks

check: deps ## everything that must pass: tests, text cases, examples, corpora, symbols, layers, README
	@$(MAKE) --no-print-directory check-built

# First everything is built, then the checks run one after the other.
CHECKS := test text examples corpus $(if $(filter 0,$(HTTP)),,rules fetch serve) symbols $(if $(SAN)$(COVERAGE),,hardening) layers readme install-check
check-built:
	@$(MAKE) --no-print-directory $(JOBS) binaries
	@set -e; for check in $(CHECKS); do $(MAKE) --no-print-directory $$check; done
	@echo 'check: ok'

binaries: all $(DIST) $(TESTS) $(FUZZ_REPLAY)

test: $(TESTS) $(CMD) ## unit tests; T=duration runs only test_duration
	@set -e; for t in $(if $(T),$(B)/tests/test_$(T),$(TESTS)); do echo "  TEST $$t"; $$t; done

text: $(CMD) ## PromQL text cases and command line cases; T=query runs only tests/data/cli/query.sh
	$(if $(T),,@$(CMD) test tests/data/promql examples/rules)
	@AMPQL=$(CURDIR)/$(CMD) sh tests/cli.sh $(T)

examples: $(EXAMPLES) $(SO) $(CMD) ## every example program runs on the bundled data, or before the fake AMP, and prints what it should
	@B=$(B) PYTHON=$(PYTHON) sh tests/examples.sh

layers: ## includes only go down, as src/layers says; what must not be in the sources (tests/gates.sh)
	@sh tests/layers.sh
	@sh tests/gates.sh

symbols: $(LIB) $(SO) ## only ampql_ names are visible, those of src/api/abi.txt, and a host's own C++ does not clash
	@B=$(B) CC=$(CC) CXX=$(CXX) LDLIBS="$(LDLIBS_ALL)" LDFLAGS="$(LDFLAGS_ALL)" sh tests/symbols.sh

hardening: $(LIB) $(SO) $(CMD) ## PIE, RELRO, stack protector, checked string functions and the like, looked for in the built files
	@B=$(B) CC=$(CC) sh tests/hardening.sh

readme: $(LIB) $(CMD) ## the README's C program compiles, runs and prints what it says
	@B=$(B) CC=$(CC) CXX=$(CXX) LDLIBS="$(LDLIBS_ALL)" LDFLAGS="$(LDFLAGS_ALL)" sh tests/readme.sh && $(PYTHON) tests/readme.py $(CMD)

$(B)/fuzz/replay_%: $(B)/obj/fuzz/fuzz_%.c.o $(B)/obj/fuzz/standalone.c.o $(SUPPORT_OBJ) $(TOOL_OBJ) $(LIB_OBJ)
	@mkdir -p $(@D)
	$(call say,LD,$@)$(CXX) $(LDFLAGS_ALL) -o $@ $^ $(LDLIBS_ALL) -lcmocka

$(B)/fuzz/fuzz_%: $(B)/obj/fuzz/fuzz_%.c.o $(SUPPORT_OBJ) $(TOOL_OBJ) $(LIB_OBJ)
	@mkdir -p $(@D)
	$(call say,LD,$@)$(CXX) -fsanitize=fuzzer,address,undefined -o $@ $^ $(LDLIBS_ALL) -lcmocka

corpus: $(FUZZ_REPLAY) ## replay the fuzz corpora, no clang needed
	@set -e; for f in $(FUZZERS); do echo "  FUZZ $$f"; \
	  $(B)/fuzz/replay_$$f $$(find fuzz/corpus/$$f tests/data/fuzz/$$f -type f 2>/dev/null | sort); done

fuzz: ## make fuzz F=parse FUZZFLAGS=-max_total_time=60: libFuzzer, needs clang
	@sh tests/fuzz.sh "$(F)" $(FUZZFLAGS)

format: ## clang-format in place
	clang-format -i $(shell git ls-files '*.c' '*.h' '*.cc')

format-check:
	clang-format --dry-run -Werror $(shell git ls-files '*.c' '*.h' '*.cc')

demo: deps ## replay the bundled cluster day: recorded series, and what each namespace cost
	@$(MAKE) --no-print-directory $(JOBS) $(CMD) && sh examples/demo.sh $(CMD)

ORACLE_DEPS := libcurl4-openssl-dev
differential: $(CMD) ## OpenCost's queries and rules, every function, and random queries, here and in a Prometheus 2.42 on loopback; N=1000000 SEED=1: only random ones; TIME=420: random ones for so many seconds
	@sh src/cli/dist/deps.sh $(ORACLE_DEPS)
	@$(MAKE) --no-print-directory $(BENCHES) $(RANDOM)
	$(if $(N),,@sh tests/oracle/differential.sh $(B))
	$(if $(N),,@sh tests/oracle/functions.sh $(B))
	@SEED=$(or $(RANDOM_SEED),$(SEED),1) CASE=$(CASE) sh tests/oracle/random.sh $(B) $(or $(N),$(if $(TIME),$(TIME)s),200000)

tsdb: $(CMD) $(B)/bench/load $(B)/bench/tsdb ## OpenCost's queries over the blocks that a Prometheus 2.42 writes, overlaps and deletions among them, here and there
	@sh tests/oracle/tsdb.sh $(B)

formats: $(CMD) $(B)/bench/load ## OpenCost's queries over a Prometheus 2.42, its blocks, captures, and captures turned into each format and back: the same bits
	@sh tests/oracle/formats.sh $(B)

NEWEST := $(B)/oracle/newest
$(NEWEST): $(call obj,$(wildcard tests/oracle/newest*.c)) $(SUPPORT_OBJ) $(TOOL_OBJ) $(LIB_OBJ)
	@mkdir -p $(@D)
	$(call say,LD,$@)$(CXX) $(LDFLAGS_ALL) -o $@ $^ $(LDLIBS_ALL) -lcmocka

newest: $(NEWEST) $(CMD) ## optional, with Go: make newest N=200000 SEED=1: the newest Prometheus's engine and parser against ours
	@sh tests/oracle/newest.sh $(NEWEST) $(B)/oracle/prometheus $(or $(SEED),1) $(or $(N),20000)

cost-model: $(CMD) ## `ampql allocate` against an independent model over a Prometheus 2.42: every field of generated clusters, totals, ten weeks of days, clusters apart; N=60 SEED=0
	@sh tests/oracle/cost.sh $(CMD) $(or $(SEED),0) $(or $(N),60)

opencost: $(CMD) ## optional, with Go: bills of the same clusters by OpenCost's own code (1.108), every field; N=60 SEED=0
	@sh tests/oracle/opencost.sh check $(CMD) $(or $(SEED),0) $(or $(N),60)

opencost-clusters: $(CMD) ## optional, with Go: write OpenCost's bills of tests/data/cost/clusters again
	@sh tests/oracle/opencost.sh record $(CMD)

cost-clusters: $(CMD) ## write tests/data/cost/clusters again: captures of a Prometheus 2.42, and the independent model's bills of its answers
	@sh tests/oracle/cost_saved.sh $(CMD)

page: $(CMD) ## optional, with Chromium: the page of `ampql allocate --html` in a browser
	@sh tests/page.sh $(CMD)

rules: $(CMD) ## rule files and rule unit tests, here and by promtool 2.42; N=1000 SEED=1: random ones
	@PYTHON=$(PYTHON) sh tests/rules.sh $(B)

rules-oracle: $(CMD) $(B)/bench/load ## the nine recording rules over a generated day: recorded by promtool 2.42, and virtual here
	@sh tests/oracle/rules_day.sh $(B)

grids: $(NEWEST) ## optional, with Go: numbers at their edges, in the newest Prometheus and here; writes tests/data/numeric_grid.tsv
	@sh tests/oracle/grids.sh $(NEWEST) $(B)/oracle/prometheus-json

fetch: $(CMD) $(B)/bench/load ## fetch through the fake AMP: faults, edges, and OpenCost's queries over a real Prometheus 2.42
	@sh tests/fetch.sh $(B)

serve: $(CMD) ## `ampql serve` over real sockets: answers, refusals, faults, a stop under load; examples/kubernetes
	@$(PYTHON) -B tests/serve.py $(CURDIR)/$(CMD)
	@$(PYTHON) -B tests/serve_faults.py $(CURDIR)/$(CMD)
	@$(PYTHON) -B tests/kubernetes.py $(CURDIR)/$(CMD)

canaries: $(CMD) ## every command before a fake AMP that is well, refuses, breaks off or repeats all: no secret in what is written
	@$(PYTHON) -B tests/fake_amp/canaries.py $(CMD)

newest-fetch: $(CMD) $(B)/bench/load ## optional, with Go: the same over the newest Prometheus's engine
	@sh tests/fake_amp/newest.sh $(B)

fetch-kill: $(CMD) ## fetch killed 200 times at random moments, on full disks, in all chunks: it goes on, to one content id; N=200 SEED=1
	@$(PYTHON) -B tests/fake_amp/kill.py $(CMD) $(or $(N),200) $(or $(SEED),1)
	@$(PYTHON) -B tests/fake_amp/content.py $(CMD) 32 $(or $(SEED),1)

SHIMS := $(FAULTS)/malloc_shim.so $(FAULTS)/call_shim.so
alloc-failures: $(FAULTS)/alloc_failures $(if $(SAN)$(COVERAGE),,$(FAULTS)/malloc_shim.so) ## every allocation fails, alone and from then on, ours and those of libraries: no leak, no crash, no wrong answer; STRIDE=7 ONLY=TEXT: shorter
	@$(if $(SAN)$(COVERAGE),,LD_PRELOAD=$(CURDIR)/$(FAULTS)/malloc_shim.so) $(FAULTS)/alloc_failures --stride $(or $(STRIDE),1) --jobs $(shell expr $$(nproc) + 2) $(if $(ONLY),--only '$(ONLY)')

call-failures: $(CMD) $(SHIMS) ## the command while each open, read, write, fsync, rename, connect, recv, ... fails, or malloc does: right answer or exit status, nothing half-written; STRIDE=20 ONLY=TEXT: shorter
	@$(PYTHON) -B tests/faults/processes.py $(CMD) $(FAULTS) calls --stride $(or $(STRIDE),1) --only '$(ONLY)'
	@$(PYTHON) -B tests/faults/processes.py $(CMD) $(FAULTS) malloc --stride $(or $(MALLOC_STRIDE),$(STRIDE),1) --only '$(ONLY)'

capture-damage: $(B)/tests/test_damage ## every byte of a 64 KiB capture changed, every length tried, with queries over it; N=255: in all ways
	@$(B)/tests/test_damage $(or $(N),1)

# What takes hours, each at its full length, one after the other; others add theirs.
SOAKS := budget cancel determinism alloc-failures call-failures capture-damage capture-replay fetch-kill
soak: ## all that takes long, at full length
	@set -e; for soak in $(SOAKS); do echo "soak $$soak"; $(MAKE) --no-print-directory $$soak; done

determinism: $(CMD) ## the same bytes: 100 runs, 1, 2 and 4 threads, locales, seeds of the hash, gcc and clang at all levels, fetched in any chunks; RUNS=3: without builds
	@$(PYTHON) -B tests/determinism.py $(CMD) --runs $(or $(RUNS),100) $(if $(RUNS),,--builds --seeds 50)
	$(if $(RUNS),,@$(PYTHON) -B tests/fake_amp/content.py $(CMD) 32 $(or $(SEED),1))

cancel: $(B)/tests/test_cancel_soak ## runs of all kinds, ended by another thread or a deadline at random moments: how soon they are back; N=10000
	@$(B)/tests/test_cancel_soak $(or $(N),10000)

budget: $(B)/tests/test_budget ## hostile queries with a budget of memory: the most that was held of it; N=500
	@$(B)/tests/test_budget $(or $(N),500)

capture-replay: $(B)/tests/test_replay ## random questions to random captures; N=4000 SEED=1
	@$(B)/tests/test_replay $(or $(N),4000) $(or $(SEED),1)

serve-oracle: $(CMD) $(B)/bench/load ## `ampql serve` beside the Prometheus 2.42 that it reads: requests in all forms, promtool, errors
	@sh tests/oracle/serve.sh $(B)

serve-go: $(CMD) $(B)/bench/load ## optional, with Debian's Go: client_golang over `ampql serve` and over the Prometheus 2.42 that it reads
	@sh tests/oracle/serve_go.sh $(B)

serve-load: $(CMD) $(B)/bench/load ## both under 32 clients that ask what OpenCost asks: throughput, latency, memory; DURATION=300 CLIENTS=32 CONTAINERS=300
	@DURATION=$(DURATION) CLIENTS=$(CLIENTS) CONTAINERS=$(CONTAINERS) sh tests/oracle/serve_load.sh $(B)

fetch-peak: $(CMD) $(B)/bench/load ## peak memory while ten million samples are fetched
	@sh tests/fake_amp/peak.sh $(B)

BOTOCORE := $(B)/oracle/botocore
$(BOTOCORE): $(call obj,$(wildcard tests/oracle/sigv4_random*.c)) $(SUPPORT_OBJ) $(TOOL_OBJ) $(LIB_OBJ)
	@mkdir -p $(@D)
	$(call say,LD,$@)$(CXX) $(LDFLAGS_ALL) -o $@ $^ $(LDLIBS_ALL) -lcmocka

botocore: $(BOTOCORE) ## optional, may need PyPI: make botocore N=20000 SEED=1: random requests signed here and by botocore
	@sh tests/oracle/sigv4_random.sh $(BOTOCORE) $(B)/oracle $(or $(N),20000) $(or $(SEED),1)

bench: $(CMD) ## CPU time and memory against that Prometheus, as ratios of one run
	@sh src/cli/dist/deps.sh $(ORACLE_DEPS)
	@$(MAKE) --no-print-directory $(BENCHES)
	@sh tests/bench/bench.sh $(B)

capture-bench: $(CMD) $(QUICK) $(B)/bench/load ## a generated day as captures, a Prometheus 2.42's block and JSON: bytes a sample, time to read it all
	@sh tests/bench/capture.sh $(B)

bill-bench: $(CMD) $(B)/bench/load ## the bill of a day of 10,000 containers: `ampql allocate` from a capture, and the same queries in a Prometheus 2.42, whose loading takes gigabytes and minutes; CONTAINERS=1000 INTERVAL=120
	@CONTAINERS=$(CONTAINERS) INTERVAL=$(INTERVAL) sh tests/bench/bill.sh $(B)

growth: $(BENCHES) ## how cost grows with samples, steps and groups: tables, and a figure; MAX_CONTAINERS=4000 for smaller machines
	@PYTHONPATH=tests/oracle python3 tests/bench/growth.py $(B)/bench/bench $(B)/growth.svg

instructions: $(BENCHES) ## instructions of queries over the demo's capture, by callgrind, against those recorded; RECORD=1 writes them anew
	@sh src/cli/dist/deps.sh valgrind
	@python3 tests/bench/instructions.py $(B)/bench/bench $(if $(RECORD),--record)

bench-quick: $(QUICK) ## what needs no server: packed columns, kernels, captures, API JSON and a Prometheus block, bytes and ns a sample
	@rm -f $(B)/bench/quick.lines; set -e; for b in $(QUICK); do QUICK_RESULTS=$(B)/bench/quick.lines $$b; done; \
	  sed '1s/^/[/;$$!s/$$/,/;$$s/$$/]/' $(B)/bench/quick.lines > $(B)/bench/quick.json; echo "results: $(B)/bench/quick.json"

include tests/strict.mk

clean: ## remove build/
	rm -rf build

-include $(shell find $(B)/obj -name '*.d' 2>/dev/null)
