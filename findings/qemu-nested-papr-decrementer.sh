#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# QEMU's emulation of H_GUEST_RUN_VCPU tells the decrementer's expiry on the wrong side of now.
#
# Seen with qemu-system-ppc 1:10.0.2+ds-2+deb13u1~bpo12+1 (machine pseries, cap-nested-papr=on,
# POWER10) below Debian 13's Linux and its kvm-hv. A vCPU gets a decrementer that expires in two
# seconds, makes a hypervisor call, and is asked for the expiry again, which should be the same.
# It is as far in the past as it was in the future, and the next entry takes that for
# the expiry, so a guest gets a decrementer interrupt at each entry and never sleeps. With
# H_ENTER_NESTED (cap-nested-hv=on, POWER9) the expiry stays what it was.
#
# Output seen:
#   nested-papr: the expiry has moved by -4 s
#   nested-hv: the expiry has moved by 0 s
set -euo pipefail
qemu=1:10.0.2+ds-2+deb13u1~bpo12+1 linux=6.12.107-1 image=linux-image-6.12.107+deb13-powerpc64le
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
# Packages of another architecture, by lists of their own, from where this machine's come from
archive=$(awk '$1 == "URIs:" && $2 ~ /debian\/?$/ {print $2; exit}' /etc/apt/sources.list.d/*.sources)
mkdir -p apt/{lists,cache}/partial apt/dpkg
: >apt/dpkg/status
apt=(-oDir::State="$dir/apt" -oDir::State::lists="$dir/apt/lists" -oDir::State::status="$dir/apt/dpkg/status"
	-oDir::Cache="$dir/apt/cache" -oDir::Etc::sourcelist="$dir/apt/list" -oDir::Etc::sourceparts=/dev/null
	-oAPT::Get::List-Cleanup=0 -oAPT::Sandbox::User=root)
key=signed-by=/usr/share/keyrings/debian-archive-keyring.gpg
# fetch ARCHITECTURE SUITE PACKAGE=VERSION...
fetch() {
	local arch=$1
	echo "deb [arch=$arch $key] $archive $2 main" >apt/list
	shift 2
	apt-get "${apt[@]}" -oAPT::Architecture="$arch" -oAPT::Architectures="$arch" -qq update
	apt-get "${apt[@]}" -oAPT::Architecture="$arch" -oAPT::Architectures="$arch" -qq download "$@"
}
fetch ppc64el trixie "$image=$linux"
dpkg-deb -x ./linux-image-*.deb root
[ "$(dpkg-query -W -f '${Version}' qemu-system-ppc)" = "$qemu" ] ||
	{ echo "this wants qemu-system-ppc $qemu, of bookworm-backports, installed" >&2; exit 1; }

cat >init.c <<'EOF'
#include <fcntl.h>
#include <linux/kvm.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/syscall.h>
#include <unistd.h>

#define SECOND 512000000ll

static void must(long ret, const char *what)
{
	if (ret >= 0)
		return;
	printf("%s: %m\n", what);
	reboot(RB_POWER_OFF);
}

static void load(const char *module)
{
	int fd = open(module, O_RDONLY);

	must(syscall(SYS_finit_module, fd, "", 4), module);
}

static uint64_t timebase(void)
{
	uint64_t tb;

	asm volatile("mfspr %0,268" : "=r"(tb));
	return tb;
}

int main(void)
{
	uint64_t expiry, before, msr = 1ull << 63 | 1 << 12 | 1;
	struct kvm_one_reg reg = { KVM_REG_PPC_DEC_EXPIRY, (uintptr_t)&expiry };
	struct kvm_enable_cap papr = { .cap = KVM_CAP_PPC_PAPR };
	struct kvm_ppc_mmuv3_cfg mmu = { KVM_PPC_MMUV3_RADIX, 1ull << 63 };
	struct kvm_userspace_memory_region slot = { .memory_size = 1 << 20 };
	int kvm, vm, vcpu, dev;
	struct kvm_regs regs;
	struct kvm_run *run;
	uint32_t *memory;

	mount("dev", "/dev", "devtmpfs", 0, "");
	dev = open("/dev/console", O_RDWR);
	dup2(dev, 1);
	setvbuf(stdout, NULL, _IONBF, 0);
	load("/kvm.ko");
	load("/kvm-hv.ko");
	kvm = open("/dev/kvm", O_RDWR);
	must(kvm, "/dev/kvm");
	must(vm = ioctl(kvm, KVM_CREATE_VM, 1ul), "KVM_CREATE_VM");
	memory = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	memory[0x100 / 4] = 0x44000022; /* sc 1 */
	memory[0x104 / 4] = 0x4bfffffc; /* b .-4 */
	slot.userspace_addr = (uintptr_t)memory;
	must(ioctl(vm, KVM_SET_USER_MEMORY_REGION, &slot), "memory");
	must(ioctl(vm, KVM_PPC_CONFIGURE_V3_MMU, &mmu), "mmu");
	must(vcpu = ioctl(vm, KVM_CREATE_VCPU, 0ul), "KVM_CREATE_VCPU");
	must(ioctl(vcpu, KVM_ENABLE_CAP, &papr), "papr");
	run = mmap(NULL, ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0),
		   PROT_READ | PROT_WRITE, MAP_SHARED, vcpu, 0);
	memset(&regs, 0, sizeof(regs));
	regs.pc = 0x100;
	regs.msr = msr;
	regs.gpr[3] = 0xf123; /* a hypervisor call that userspace gets */
	/* Once to have the memory mapped, so that the second run ends once */
	must(ioctl(vcpu, KVM_SET_REGS, &regs), "KVM_SET_REGS");
	must(ioctl(vcpu, KVM_RUN, 0), "KVM_RUN");
	run->papr_hcall.ret = 0;
	run->immediate_exit = 1; /* only completes the call */
	ioctl(vcpu, KVM_RUN, 0);
	run->immediate_exit = 0;
	must(ioctl(vcpu, KVM_SET_REGS, &regs), "KVM_SET_REGS");
	before = expiry = timebase() + 2 * SECOND;
	must(ioctl(vcpu, KVM_SET_ONE_REG, &reg), "KVM_SET_ONE_REG");
	must(ioctl(vcpu, KVM_RUN, 0), "KVM_RUN");
	if (run->exit_reason != KVM_EXIT_PAPR_HCALL)
		printf("exit %u\n", run->exit_reason);
	must(ioctl(vcpu, KVM_GET_ONE_REG, &reg), "KVM_GET_ONE_REG");
	printf("said: the expiry has moved by %lld s\n",
	       ((long long)(expiry - before) + (expiry < before ? -1 : 1) * SECOND / 2) / SECOND);
	reboot(RB_POWER_OFF);
}
EOF
mkdir initrd
powerpc64le-linux-gnu-gcc -O2 -static -o initrd/init init.c
mkdir initrd/dev
for module in kvm kvm-hv; do
	find root -name "$module.ko.xz" -exec cp {} "initrd/$module.ko" \;
done
( cd initrd && find . | cpio --quiet -o -H newc -R 0:0 ) >initrd.cpio
# said NAME CPU: what is printed in a partition that has this capability
said() {
	timeout 300 qemu-system-ppc64 -M "pseries,x-vof=on,cap-$1=on,cap-htm=off,cap-cfpc=broken,cap-sbbc=broken,cap-ibs=broken" \
		-cpu "$2" -m 1G -nodefaults -nographic -serial stdio -kernel root/boot/vmlinux-* -initrd initrd.cpio \
		-append "console=hvc0 quiet" </dev/null 2>/dev/null | tr -d '\r' | sed -n "s/^said: /$1: /p"
}
output="$(said nested-papr power10)
$(said nested-hv power9)"
echo "qemu-system-ppc $qemu, Linux $linux:"
echo "$output"
[ "$output" = "nested-papr: the expiry has moved by -4 s
nested-hv: the expiry has moved by 0 s" ] || { echo "this has changed" >&2; exit 1; }
