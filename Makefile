# SPDX-License-Identifier: GPL-2.0-only
#
# What people call; the kernel's build system reads Kbuild. `make help` lists
# the targets.

# The kernel to build for: an installed headers package or a built tree.
KDIR ?= /lib/modules/$(shell uname -r)/build

# A User Mode Linux tree says so itself.
kernel-arch := $(if $(shell grep -s '^CONFIG_UML=y' $(KDIR)/.config),ARCH=um)
kernel-release = $(shell cat $(KDIR)/include/config/kernel.release)
kbuild = $(MAKE) -C $(KDIR) M=$(CURDIR) $(kernel-arch)

ifneq ($(word 2,$(DESTDIR)),)
$(error DESTDIR must not have blanks in it)
endif

all: module userspace

kernel-headers:
	@test -e $(KDIR)/Makefile || { \
		echo "No kernel headers at $(KDIR)."; \
		echo "Install them (apt install linux-headers-$$(uname -r)), or name others: make KDIR=..."; \
		exit 1; } >&2

module: kernel-headers
	$(kbuild) modules

userspace: tools samples userspace-tests

tools samples userspace-tests:
	$(MAKE) -C $@

# What make modules_install puts into DESTDIR; kbuild itself would run depmod there,
# and not for headers packages.
install-module: kernel-headers
	$(kbuild) XINET_INSTALL=1 modules
	$(kbuild) XINET_INSTALL=1 INSTALL_MOD_PATH=$(abspath $(DESTDIR)) INSTALL_MOD_DIR=extra \
		DEPMOD=true modules_install
	$(if $(DESTDIR),,PATH="$$PATH:/usr/sbin:/sbin" depmod $(kernel-release))

uninstall-module: kernel-headers
	rm -f $(addprefix $(DESTDIR)/lib/modules/$(kernel-release)/extra/xinet., \
		ko ko.gz ko.xz ko.zst)
	$(if $(DESTDIR),,PATH="$$PATH:/usr/sbin:/sbin" depmod $(kernel-release))

install-userspace uninstall-userspace:
	$(MAKE) -C tools $(@:%-userspace=%) DESTDIR=$(abspath $(DESTDIR))

install: install-module install-userspace

uninstall: uninstall-module uninstall-userspace

deb:
	scripts/make-deb

demo:
	scripts/demo

check:
	scripts/check

check-long:
	scripts/check --long

kunit:
	scripts/kunit

bench:
	bench/run $(ARGS)

# SEED repeats the calls of a campaign.
campaign:
	scripts/campaign $(if $(HOURS),--hours $(HOURS)) $(if $(SEED),--seed $(SEED)) $(ARGS)

matrix:
	scripts/matrix $(if $(NEWEST),--newest) $(ARGS)

graph:
	scripts/graph

clean:
	$(MAKE) -C bench clean
	$(MAKE) -C tools clean
	$(MAKE) -C samples clean
	$(MAKE) -C userspace-tests clean
	find . -path ./build -prune -o \( -name '*.o' -o -name '*.ko' \
		-o -name '*.mod' -o -name '*.mod.c' -o -name '.*.cmd' \
		-o -name Module.symvers -o -name modules.order \) -type f \
		-exec rm -f {} +
	rm -rf build demo

help:
	@echo 'make            xinet.ko for KDIR (default: the running kernel), and the userspace'
	@echo 'make demo       boots a guest, loads the module, pings and captures over a real driver'
	@echo 'make check      the tests, in debug kernels and stock kernels (half an hour)'
	@echo 'make check-long what is slow and rarely tells: more drivers, kernels and suites'
	@echo 'make matrix     builds the module for every kernel of Debian 12 to experimental'
	@echo '                (NEWEST=1: the newest of each suite)'
	@echo 'make kunit      the KUnit suites, in debug kernels'
	@echo 'make bench      what it costs beside the siblings   (ARGS=quick: a few minutes)'
	@echo 'make campaign HOURS=n [SEED=s]   random calls for hours, in debug kernels'
	@echo 'make graph      draws who calls whom in the module, and says whether in a circle'
	@echo 'make module     xinet.ko alone       (W=1, C=2: as the kernel knows them)'
	@echo 'make userspace  tools/, samples/ and userspace-tests/ alone'
	@echo 'make install    module, tools, libxinet, headers and man pages, under DESTDIR and PREFIX'
	@echo 'make install-module, install-userspace   one half of it'
	@echo 'make uninstall  removes what install, with the same variables, put there'
	@echo 'make deb        Debian packages of all of it, in build/deb/'
	@echo 'make clean      removes everything that was built in the tree'

.PHONY: all kernel-headers module userspace tools samples userspace-tests deb demo check check-long \
	matrix kunit bench campaign graph clean help install install-module install-userspace \
	uninstall uninstall-module uninstall-userspace
