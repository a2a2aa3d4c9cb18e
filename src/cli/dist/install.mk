# Installing and packaging. Included by the Makefile, which knows $(B), $(LIB), $(SO), $(CMD) and $(PKGS).

VERSION := $(shell sed -n 's/^\#define AMPQL_VERSION "\(.*\)"/\1/p' include/ampql/base.h)
DESTDIR ?=
PREFIX  ?= /usr/local
LIBDIR  ?= $(PREFIX)/lib
ZSHDIR  ?= $(PREFIX)/share/zsh/site-functions
INSTALL_ENV = B="$(B)" VERSION="$(VERSION)" DESTDIR="$(DESTDIR)" PREFIX="$(PREFIX)" LIBDIR="$(LIBDIR)" ZSHDIR="$(ZSHDIR)"

# What is made of the tables and headers, so that it cannot go stale.
DIST := $(addprefix $(B)/dist/,ampql.1 libampql.3 ampql.bash ampql.zsh ampql.fish)

$(B)/dist/ampql.%sh: $(CMD)
	@mkdir -p $(@D)
	$(call say,GEN,$@)$(CMD) completion $*sh > $@
$(B)/dist/ampql.1: src/cli/dist/ampql.1.in $(CMD)
	@mkdir -p $(@D)
	$(call say,GEN,$@)$(CMD) help --man > $@.part && \
	  sed -e 's/@VERSION@/$(VERSION)/' -e '/^@COMMANDS@$$/{r $@.part' -e 'd;}' $< > $@ && rm $@.part

$(B)/dist/libampql.3: src/cli/dist/libampql.3.in src/cli/dist/man3.awk $(wildcard include/ampql/*.h)
	@mkdir -p $(@D)
	$(call say,GEN,$@)LC_ALL=C awk -f src/cli/dist/man3.awk $(sort $(wildcard include/ampql/*.h)) > $@.part && \
	  sed -e 's/@VERSION@/$(VERSION)/' -e '/^@FUNCTIONS@$$/{r $@.part' -e 'd;}' $< > $@ && rm $@.part

.PHONY: install uninstall install-check abi reproducible deb deb-check

# What only the command needs is not asked of those who link the library.
LIBRARY_LIBS = $(strip $(shell pkg-config --libs $(filter-out snappy,$(PKGS)))) -lstdc++ -lm -lpthread
install: $(LIB) $(SO) $(CMD) $(DIST) ## into $(DESTDIR)$(PREFIX): command, headers, libraries, ampql.pc, manuals, completions; LIBDIR= ZSHDIR=
	@sed -e 's,@PREFIX@,$(PREFIX),' -e 's,@LIBDIR@,$(LIBDIR),' -e 's,@VERSION@,$(VERSION),' -e 's,@LIBS@,$(LIBRARY_LIBS),' \
	  src/cli/dist/ampql.pc.in > $(B)/dist/ampql.pc
	@$(INSTALL_ENV) sh src/cli/dist/install.sh install

uninstall: ## take away what install put there, with the same DESTDIR, PREFIX, LIBDIR and ZSHDIR
	@$(INSTALL_ENV) sh src/cli/dist/install.sh uninstall

install-check: $(LIB) $(SO) $(CMD) $(DIST) ## installed into a temporary folder, C and C++ programs build and run with pkg-config; uninstalled, nothing is left
	@B=$(B) CC=$(CC) CXX=$(CXX) MAKE="$(MAKE)" LDFLAGS="$(LDFLAGS_ALL)" sh tests/install.sh

abi: $(SO) ## write src/api/abi.txt again: the functions that programs may rely on
	@sh src/cli/dist/abi.sh $(SO) > src/api/abi.txt

reproducible: ## two builds in folders of different names, time zones and locales are equal byte for byte
	@CC=$(CC) CXX=$(CXX) sh tests/reproducible.sh

# The time in packages: that of the last commit, or of the sources' newest change where there is no git.
SOURCE_DATE_EPOCH ?= $(shell git log -1 --format=%ct 2>/dev/null || stat -c %Y include/ampql/base.h)
MULTIARCH = $(shell $(CC) -print-multiarch)
deb: $(LIB) $(SO) $(CMD) $(DIST) ## Debian packages in $(B)/deb: ampql, libampql0, libampql-dev
	@sh src/cli/dist/deps.sh dpkg-dev
	@rm -rf $(B)/deb
	@$(MAKE) --no-print-directory install DESTDIR=$(B)/deb/stage PREFIX=/usr LIBDIR=/usr/lib/$(MULTIARCH) \
	  ZSHDIR=/usr/share/zsh/vendor-completions
	@SOURCE_DATE_EPOCH=$(SOURCE_DATE_EPOCH) sh src/cli/dist/deb.sh $(B)/deb/stage $(B)/deb $(VERSION) $(MULTIARCH)

deb-check: deb ## optional, as root, with a Debian mirror: the packages on a bare Debian 12 in a chroot, and lintian
	@sh tests/deb.sh $(B)/deb

# Optional, with Debian's Go. SAN_B: the library again with AddressSanitizer, for the package's cgo; SAN_B= leaves that out.
GO_DEPS := golang-go golang-github-prometheus-client-golang-dev
SAN_B := build/address-undefined
.PHONY: go opencost-here
go: $(LIB) $(SO) $(CMD) $(DIST) ## optional, with Debian's Go: the Go package of examples/go, its RoundTripper with client_golang, cancellations, leaks; GO= SAN_B=
	@$(if $(GO),,sh src/cli/dist/deps.sh $(GO_DEPS))
	@$(MAKE) --no-print-directory install PREFIX=$(CURDIR)/$(B)/go/root
	@[ -z "$(SAN_B)" ] || $(MAKE) --no-print-directory $(JOBS) SAN=address,undefined $(SAN_B)/libampql.so
	@GO=$(GO) sh tests/go.sh $(B) $(SAN_B)

opencost-here: $(LIB) $(SO) $(CMD) $(DIST) ## optional, with Go and a module proxy: OpenCost's own client and cost model in process, over the RoundTripper; N=12 SEED=0
	@$(MAKE) --no-print-directory install PREFIX=$(CURDIR)/$(B)/go/root
	@GO=$(GO) sh tests/oracle/opencost_here.sh $(B) $(or $(SEED),0) $(or $(N),12)
