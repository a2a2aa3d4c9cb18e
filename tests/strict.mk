# What measures the tests themselves, and looks at the source without running it. Included by the Makefile.

.PHONY: coverage mutation mutation-objects analyze threads

# What counts for coverage: what a person would run after each change, and what CI runs anyway.
COVERAGE_CHECKS ?= test text examples rules serve alloc-failures
coverage: ## lines and branches that the tests reach, by file and layer, against tests/coverage.tsv; RECORD=1 writes it anew
	@find build/coverage -name '*.gcda' -delete 2>/dev/null; true
	@$(MAKE) --no-print-directory $(JOBS) COVERAGE=1 binaries build/coverage/faults/alloc_failures
	@$(MAKE) --no-print-directory -j2 -Otarget COVERAGE=1 STRIDE=$(or $(STRIDE),17) $(COVERAGE_CHECKS) > build/coverage/checks.log 2>&1 || \
	  { tail -30 build/coverage/checks.log; exit 1; }
	@$(PYTHON) tests/coverage.py build/coverage $(if $(RECORD),--record)

SHARED := -fvisibility=default -fno-semantic-interposition
# All objects but the tests' own are one shared library, so that a mutant is one file compiled and one link.
mutation-objects: $(LIB_OBJ) $(CMD_OBJ) $(SUPPORT_OBJ) $(call obj,$(TEST_SRC))
	@echo $(CC) $(filter-out -MMD -MP,$(CFLAGS_ALL)) > $(B)/flags
	@echo $(LIB_OBJ) $(TOOL_OBJ) > $(B)/objects
	@echo $(SUPPORT_OBJ) > $(B)/support.o
	@echo $(call obj,$(TEST_SRC)) > $(B)/tests.o
	@echo $(LDLIBS_ALL) > $(B)/libs

mutation: ## small faults put into src/eval, src/plan and src/cost, which the tests must notice; N=500 SEED=1 FILES=regex
	@$(MAKE) --no-print-directory $(JOBS) VARIANT=mutation OPT=-O1 CFLAGS="$(SHARED)" CXXFLAGS="$(SHARED)" mutation-objects
	@$(MAKE) --no-print-directory $(JOBS) COVERAGE=1 binaries
	@$(PYTHON) tests/mutate.py --n $(or $(N),500) --seed $(or $(SEED),1) --skip $(or $(SKIP),0) --files '$(FILES)'

ANALYZERS ?= cppcheck clang-tidy fanalyzer
analyze: ## cppcheck, clang-tidy and gcc -fanalyzer over src; ANALYZERS=cppcheck FILES=regex; what they may find: tests/analyze.tsv
	@sh src/cli/dist/deps.sh $(filter-out fanalyzer,$(ANALYZERS))
	@$(PYTHON) tests/analyze.py $(ANALYZERS) --files '$(FILES)' -- $(filter-out -MMD -MP,$(CFLAGS_ALL))

# Tests in which several threads work, or one cancels another.
THREADED ?= parallel batch_threads cost_threads query_threads cache cancel credentials http serve_queue
threads: ## those tests in which threads work together, under ThreadSanitizer; THREADED=cache: one of them
	@$(MAKE) --no-print-directory $(JOBS) SAN=thread $(patsubst %,build/thread/tests/test_%,$(THREADED))
	@set -e; for t in $(THREADED); do build/thread/tests/test_$$t; done

SOAKS += coverage mutation
