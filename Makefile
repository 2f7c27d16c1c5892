# SPDX-License-Identifier: GPL-2.0
# For people; what goes into the module is in Kbuild, which the kernel's build
# reads instead of this.
#
#	make			kvm_ppc.ko: on ppc64le for the running kernel; on x86-64 for the
#				emulated host's kernel, which is built first if need be
#	make KDIR=DIR		kvm_ppc.ko for the kernel built in DIR, or whose headers package has DIR;
#				without CONFIG_RUST, it has to be one of Debian's
#	make sign KEY=FILE CERT=FILE	signs kvm_ppc.ko, where the kernel wants that
#	make install		into updates/ of that kernel's modules, loaded for /dev/kvm
#	make deb		Debian packages of it, for DKMS, into deb/
#	make clean
#	make demo [HOST=powernv9|powernv10|powernv9-hash|powernv8|pseries8|pseries9-nested|
#		   pseries10-nested|bamboo] [PAGES=64k|4k]
#				an emulated host, the module, and a guest on it
#	make shell		the same host, at a prompt
#	make check [SUITE=unit|kselftest|guests|hv|nested|stock|pr|pr4k|e44x|switch|stores|soak]
#	make soak [HOST=bamboo [SOAK_SECONDS=3600]]
#	make bench [HOST=bamboo]	path lengths, next to the kernel's own module; on a
#				bamboo host, next to saving the whole TLB
#	make bench BENCH=scale	how costs grow with slots, eventfds, vCPUs and memory
#	make bench BENCH=io	what interrupts cost a Linux guest of two vCPUs
#	make deps		installs what all these need

MACHINE := $(shell uname -m)
ifeq ($(MACHINE),ppc64le)
KDIR ?= /lib/modules/$(shell uname -r)/build
endif
# The kernel that the module is built for, by whose name depmod and modprobe find it
KVERSION = $(or $(shell cat $(KDIR)/include/config/kernel.release 2>/dev/null),$(shell sed -n 's/^.define UTS_RELEASE "\(.*\)"$$/\1/p' $(KDIR)/include/generated/utsrelease.h 2>/dev/null))
DESTDIR ?=
MODDIR = $(DESTDIR)/lib/modules/$(KVERSION)/updates

# The module is built with the kernel's compiler, which its .config names
ifneq ($(KDIR),)
kbuild = $(if $(filter x86_64,$(MACHINE)),scripts/kbuild.sh,$(MAKE)) -C $(KDIR) M=$(CURDIR) ARCH=powerpc $(toolchain)
toolchain = $(if $(LLVM)$(CROSS_COMPILE),,$(if $(shell grep -s '^CONFIG_CC_IS_CLANG=y' $(KDIR)/.config),LLVM=$(llvm),$(if $(filter $(MACHINE),ppc64le),,CROSS_COMPILE=$(cross))))
cross = $(if $(shell grep -s '^CONFIG_PPC32=y' $(KDIR)/.config),powerpc,powerpc64le)-linux-gnu-
llvm = $(shell v=$$(sed -n 's/^CONFIG_CLANG_VERSION=\([0-9]*\)[0-9]\{4\}$$/\1/p' $(KDIR)/.config); command -v clang-$$v >/dev/null 2>&1 && echo -$$v || echo 1)
endif

all: module

ifneq ($(KDIR),)
ifneq ($(shell grep -s '^CONFIG_RUST=y' $(KDIR)/.config),)
module:
	$(kbuild) $(file <$(KDIR)/kvm_ppc-support) modules
else
# The Rust libraries that the kernel lacks are built once from its source, and compared with
# the kernel
module:
	@tree=$$(scripts/rust-support.sh "$(KDIR)") && scripts/rust-support.sh -c "$(KDIR)" "$$tree" && \
		$(MAKE) --no-print-directory module KDIR="$$tree"
endif
else
module:
	@scripts/deps.sh none
	@cp "$$(scripts/module.sh)" kvm_ppc.ko && echo "kvm_ppc.ko, for the emulated host's kernel"
endif

install:
	@test -n "$(KVERSION)" || { echo "install: no kernel in KDIR=$(KDIR)" >&2; exit 1; }
	@test -f kvm_ppc.ko || { echo "install: make first" >&2; exit 1; }
	install -D -m 644 kvm_ppc.ko $(MODDIR)/kvm_ppc.ko
	install -D -m 644 scripts/kvm_ppc.modprobe $(DESTDIR)/etc/modprobe.d/kvm_ppc.conf
	depmod $(if $(DESTDIR),-b $(DESTDIR)) $(KVERSION)

# The kernel's configuration names the digest
sign:
	@test -f "$(KEY)" && test -f "$(CERT)" || { echo "sign: say KEY=FILE and CERT=FILE, of a key that the kernel trusts" >&2; exit 1; }
	$$(scripts/rust-support.sh "$(KDIR)")/scripts/sign-file $$(sed -n 's/^CONFIG_MODULE_SIG_HASH="\(.*\)"$$/\1/p' "$(KDIR)/.config") "$(KEY)" "$(CERT)" kvm_ppc.ko

uninstall:
	rm -f $(MODDIR)/kvm_ppc.ko $(DESTDIR)/etc/modprobe.d/kvm_ppc.conf
	depmod $(if $(DESTDIR),-b $(DESTDIR)) $(KVERSION)

# This also removes what a build in the tree leaves, but nothing in the cache
clean:
	find . -path ./.git -prune -o \( -name '*.o' -o -name '.*.cmd' -o -name '*.mod' -o -name '*.mod.c' \) -type f -exec rm -f {} +
	rm -f kvm_ppc.ko Module.symvers modules.order .module-common.o rust/bindings/generated.rs
	rm -rf selftests/build rust/target deb

deb:
	@scripts/deb.sh

deps:
	@KDIR="$(KDIR)" scripts/deps.sh

# The last line of the output has to say why a demo failed, so make must not print one after
# it. Therefore make is silent (-s) and ignores the status (-). To fail all the same, it has
# something left to do after a failure, which -q forbids. With -n this is not done, because
# "+" overrides that.
ifeq ($(or $(filter-out demo shell,$(or $(MAKECMDGOALS),all)),$(findstring n,$(filter-out --%,$(firstword $(MAKEFLAGS))))),)
MAKEFLAGS += -qs
KVM_PPC_SAID := $(shell mktemp -u "$${TMPDIR:-/tmp}/kvm_ppc-said.XXXXXX")
export KVM_PPC_SAID
said = $(or $(shell cat $(KVM_PPC_SAID) 2>/dev/null; rm -f $(KVM_PPC_SAID)),$(info $@: FAILED: its script was killed))
demo shell: %: %-itself
	$(if $(filter ok,$(said)),,@false)
demo-itself shell-itself: %-itself:
	-+@scripts/demo.sh $*
else
demo shell:
	@scripts/demo.sh $@
endif

check:
ifeq ($(MACHINE),x86_64)
	@scripts/fetch.sh check $(SUITE)
endif
	@scripts/check.sh $(SUITE)

soak:
	@scripts/fetch.sh soak
	@scripts/check.sh soak

bench:
	@scripts/fetch.sh bench
	@scripts/bench.sh

.PHONY: all module sign install uninstall clean deb deps demo shell demo-itself shell-itself check soak bench
export HOST PAGES MODULE TESTS SOAK_SECONDS BENCH BUDGET
