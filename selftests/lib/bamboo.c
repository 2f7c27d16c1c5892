// SPDX-License-Identifier: GPL-2.0
#include "bamboo.h"
#include "e44x.h"
#include "fdt.h"

#include <elf.h>
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define UART_BASE 0xef600300u
#define UART_IRQ 0
#define UIC_DCR 0xc0
#define UIC_DCRS 9
/* CPR, SDR, SDRAM and EBC have an address and a data register each */
#define INDIRECT_DCR 0xc
#define INDIRECT_DCRS 8
#define KERNEL_BASE 0xc0000000u
#define MB (1u << 20)
#define FDT_SIZE (64u << 10)

/* The bit of input @irq */
static uint32_t uic_bit(unsigned int irq)
{
	return 0x80000000u >> irq;
}

static uint32_t uic_status(const struct uic *u)
{
	return u->latched | (u->level & ~u->tr);
}

static void update_interrupts(struct bamboo *b)
{
	struct uic *u = &b->uic;
	uint32_t bit = uic_bit(UART_IRQ), before = u->level;
	bool external;

	if (uart_interrupt(&b->uart))
		u->level |= bit;
	else
		u->level &= ~bit;
	u->latched |= u->level & ~before & u->tr;
	external = uic_status(u) & u->er & ~u->cr;
	if (external != b->external) {
		struct kvm_interrupt irq = {
			.irq = external ? KVM_INTERRUPT_SET_LEVEL :
					  KVM_INTERRUPT_UNSET,
		};

		if (ioctl(b->vcpu->fd, KVM_INTERRUPT, &irq))
			vmm_die("KVM_INTERRUPT");
		b->external = external;
	}
}

static uint32_t uic_read(struct uic *u, unsigned int reg)
{
	uint32_t active = uic_status(u) & u->er;

	switch (reg) {
	case 0:
		return uic_status(u);
	case 2:
		return u->er;
	case 3:
		return u->cr;
	case 4:
		return u->pr;
	case 5:
		return u->tr;
	case 6:
		return active;
	case 7: /* of the critical ones, the first; Linux does not ask */
		return (u->vcr & ~3u) + 512 * __builtin_clz(active | 1);
	case 8:
		return u->vcr;
	}
	return 0;
}

static void uic_write(struct uic *u, unsigned int reg, uint32_t value)
{
	switch (reg) {
	case 0:
		u->latched &= ~value;
		break;
	case 1:
		u->latched |= value;
		break;
	case 2:
		u->er = value;
		break;
	case 3:
		u->cr = value;
		break;
	case 4:
		u->pr = value;
		break;
	case 5:
		u->tr = value;
		break;
	case 8:
		u->vcr = value;
		break;
	}
}

static void dcr(struct bamboo *b)
{
	struct kvm_run *run = b->vcpu->run;
	unsigned int nr = run->dcr.dcrn;

	if (nr - UIC_DCR < UIC_DCRS) {
		if (run->dcr.is_write)
			uic_write(&b->uic, nr - UIC_DCR, run->dcr.data);
		else
			run->dcr.data = uic_read(&b->uic, nr - UIC_DCR);
	} else if (nr - INDIRECT_DCR < INDIRECT_DCRS) {
		/* The settings of clocks and memory cannot be changed */
		uint32_t *r = &b->indirect[nr - INDIRECT_DCR];

		if (run->dcr.is_write)
			*r = nr & 1 ? *r : run->dcr.data;
		else
			run->dcr.data = *r;
	} else {
		if (b->verbose)
			fprintf(stderr, "bamboo: %s of DCR %#x\n",
				run->dcr.is_write ? "write" : "read", nr);
		if (!run->dcr.is_write)
			run->dcr.data = 0;
	}
}

static void mmio(struct bamboo *b)
{
	struct kvm_run *run = b->vcpu->run;
	uint64_t at = run->mmio.phys_addr;

	if (at - UART_BASE < 8 && run->mmio.len == 1) {
		if (run->mmio.is_write)
			uart_write(&b->uart, at - UART_BASE, run->mmio.data[0]);
		else
			run->mmio.data[0] = uart_read(&b->uart, at - UART_BASE);
		return;
	}
	if (b->verbose)
		fprintf(stderr, "bamboo: %s of %u bytes at %#" PRIx64 "\n",
			run->mmio.is_write ? "store" : "load", run->mmio.len,
			at);
	if (!run->mmio.is_write)
		memset(run->mmio.data, 0xff, sizeof(run->mmio.data));
}

void bamboo_input(struct bamboo *b, int fd)
{
	int flags = fcntl(fd, F_GETFL);

	if (flags < 0 || fcntl(fd, F_SETOWN, getpid()) ||
	    fcntl(fd, F_SETFL, flags | O_NONBLOCK | O_ASYNC))
		vmm_die("no signal for input");
	b->in = fd;
	/* There may be input already, for which no signal comes */
	bamboo_key(b);
}

void bamboo_key(struct bamboo *b)
{
	b->key = true;
	/* In case the vCPU is just about to enter */
	b->vcpu->run->immediate_exit = 1;
}

/* Gives the guest what was typed, if its port has room */
static void receive(struct bamboo *b)
{
	uint8_t byte;

	b->vcpu->run->immediate_exit = 0;
	b->key = false;
	while (uart_room(&b->uart)) {
		ssize_t n = read(b->in, &byte, 1);

		if (n == 1) {
			uart_receive(&b->uart, byte);
			continue;
		}
		if (!n)
			b->in = -1;
		return;
	}
	/* Try again when the guest has read some */
	b->key = true;
}

enum bamboo_end bamboo_run(struct bamboo *b)
{
	struct kvm_run *run = b->vcpu->run;

	for (;;) {
		if (b->key && b->in >= 0) {
			receive(b);
			update_interrupts(b);
		}
		if (vmm_run(b->vcpu)) {
			if (errno == EINTR && b->key)
				continue;
			if (errno == EINTR)
				return BAMBOO_SIGNAL;
			fprintf(stderr, "bamboo: KVM_RUN: %s\n",
				strerror(errno));
			return BAMBOO_FAILED;
		}
		b->exits[run->exit_reason % ARRAY_SIZE(b->exits)]++;
		switch (run->exit_reason) {
		case KVM_EXIT_MMIO:
			mmio(b);
			break;
		case KVM_EXIT_DCR:
			dcr(b);
			break;
		case KVM_EXIT_SYSTEM_EVENT:
			return BAMBOO_RESET;
		default:
			fprintf(stderr, "bamboo: %s\n", vmm_exit_str(b->vcpu));
			return BAMBOO_FAILED;
		}
		update_interrupts(b);
	}
}

/*
 * Guest memory that the host can map by large pages, as far as it happens to be
 * contiguous: among the places in a mapping that is somewhat larger, the one
 * where most of the guest's megabytes are a megabyte of the host's
 */
static void *alloc_memory(size_t size)
{
	size_t page = getpagesize(), extra = 8 * MB, n = (size + extra) / page;
	size_t per_mb = MB / page, i, at, best_at = 0, good, best = 0;
	uint64_t *pfn = calloc(n, sizeof(*pfn));
	int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	char *p = mmap(NULL, size + extra, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

	if (p == MAP_FAILED || !pfn)
		vmm_die("no memory for the guest");
	if (fd < 0 || pread(fd, pfn, n * sizeof(*pfn),
			    (uintptr_t)p / page * sizeof(*pfn)) <= 0)
		memset(pfn, 0, n * sizeof(*pfn));
	for (at = 0; at < extra / page; at++) {
		for (good = 0, i = at; i < at + size / page; i += per_mb) {
			/* Bits 0 to 54 are the page frame number */
			uint64_t first = pfn[i] & ((1ull << 55) - 1);
			uint64_t last = pfn[i + per_mb - 1] &
					((1ull << 55) - 1);

			good += first && !(first & (per_mb - 1)) &&
				last == first + per_mb - 1;
		}
		if (good > best) {
			best = good;
			best_at = at;
		}
	}
	if (fd >= 0)
		close(fd);
	free(pfn);
	if (best_at)
		munmap(p, best_at * page);
	if (best_at * page < extra)
		munmap(p + best_at * page + size, extra - best_at * page);
	return p + best_at * page;
}

struct bamboo *bamboo_new(size_t mem_size, int console)
{
	struct bamboo *b = calloc(1, sizeof(*b));

	if (!b)
		vmm_die("no memory");
	b->vmm = vmm_new(0);
	b->vmm->mem_size = mem_size;
	b->vmm->mem = alloc_memory(mem_size);
	if (vmm_set_slot(b->vmm, 0, 0, 0, mem_size, b->vmm->mem))
		vmm_die("slot 0");
	b->vcpu = vmm_add_vcpu(b->vmm, 0);
	b->uart.out = console;
	b->in = -1;
	return b;
}

void bamboo_free(struct bamboo *b)
{
	vmm_free(b->vmm);
	free(b);
}

/* Reads @size bytes at @offset to guest memory */
static void read_to(struct bamboo *b, int fd, off_t offset, uint32_t gpa,
		    size_t size)
{
	size_t done = 0;

	if (gpa > b->vmm->mem_size || size > b->vmm->mem_size - gpa)
		vmm_die("%#x bytes at %#x: the guest's memory is too small",
			(unsigned int)size, gpa);
	while (done < size) {
		ssize_t n = pread(fd, (char *)vmm_gpa(b->vmm, gpa) + done,
				  size - done, offset + done);

		if (n <= 0)
			vmm_die("the file ends early");
		done += n;
	}
}

static int open_file(const char *name)
{
	int fd = open(name, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		vmm_die("%s", name);
	return fd;
}

/* Returns the end of what was loaded; *@entry is where to begin */
static uint32_t load_kernel(struct bamboo *b, const char *name, uint32_t *entry)
{
	int fd = open_file(name), i;
	uint32_t end = 0;
	Elf32_Ehdr eh;
	Elf32_Phdr ph;

	if (pread(fd, &eh, sizeof(eh), 0) != sizeof(eh) ||
	    memcmp(eh.e_ident, ELFMAG, SELFMAG) ||
	    eh.e_ident[EI_CLASS] != ELFCLASS32 ||
	    eh.e_ident[EI_DATA] != ELFDATA2MSB)
		vmm_die("%s is no 32-bit big-endian ELF file", name);
	for (i = 0; i < be16toh(eh.e_phnum); i++) {
		off_t at = be32toh(eh.e_phoff) + i * sizeof(ph);
		uint32_t gpa;

		if (pread(fd, &ph, sizeof(ph), at) != sizeof(ph))
			vmm_die("%s ends early", name);
		if (be32toh(ph.p_type) != PT_LOAD)
			continue;
		gpa = be32toh(ph.p_vaddr) & ~KERNEL_BASE;
		read_to(b, fd, be32toh(ph.p_offset), gpa, be32toh(ph.p_filesz));
		if (end < gpa + be32toh(ph.p_memsz))
			end = gpa + be32toh(ph.p_memsz);
	}
	close(fd);
	*entry = be32toh(eh.e_entry) & ~KERNEL_BASE;
	return end;
}

enum { PHANDLE_CPU = 1, PHANDLE_UIC };

static void device_tree(struct bamboo *b, uint32_t at, uint32_t initrd,
			uint32_t initrd_end, const char *bootargs)
{
	uint32_t hz = tb_hz();
	struct fdt *f = calloc(1, sizeof(*f));

	if (!f)
		vmm_die("no memory");
	fdt_begin_node(f, "");
	FDT_CELLS(f, "#address-cells", 2);
	FDT_CELLS(f, "#size-cells", 1);
	fdt_string(f, "model", "amcc,bamboo");
	fdt_string(f, "compatible", "amcc,bamboo");
	FDT_CELLS(f, "dcr-parent", PHANDLE_CPU);

	fdt_begin_node(f, "aliases");
	fdt_string(f, "serial0", "/plb/opb/serial@ef600300");
	fdt_end_node(f);

	fdt_begin_node(f, "cpus");
	FDT_CELLS(f, "#address-cells", 1);
	FDT_CELLS(f, "#size-cells", 0);
	fdt_begin_node(f, "cpu@0");
	fdt_string(f, "device_type", "cpu");
	fdt_string(f, "model", "PowerPC,440EP");
	FDT_CELLS(f, "reg", 0);
	FDT_CELLS(f, "clock-frequency", hz);
	FDT_CELLS(f, "timebase-frequency", hz);
	FDT_CELLS(f, "i-cache-line-size", 32);
	FDT_CELLS(f, "d-cache-line-size", 32);
	FDT_CELLS(f, "i-cache-size", 32768);
	FDT_CELLS(f, "d-cache-size", 32768);
	fdt_cells(f, "dcr-controller", NULL, 0);
	fdt_string(f, "dcr-access-method", "native");
	FDT_CELLS(f, "phandle", PHANDLE_CPU);
	fdt_end_node(f);
	fdt_end_node(f);

	fdt_begin_node(f, "memory");
	fdt_string(f, "device_type", "memory");
	FDT_CELLS(f, "reg", 0, 0, (uint32_t)b->vmm->mem_size);
	fdt_end_node(f);

	fdt_begin_node(f, "interrupt-controller0");
	fdt_string(f, "compatible", "ibm,uic");
	fdt_cells(f, "interrupt-controller", NULL, 0);
	FDT_CELLS(f, "cell-index", 0);
	FDT_CELLS(f, "dcr-reg", UIC_DCR, UIC_DCRS);
	FDT_CELLS(f, "#address-cells", 0);
	FDT_CELLS(f, "#size-cells", 0);
	FDT_CELLS(f, "#interrupt-cells", 2);
	FDT_CELLS(f, "phandle", PHANDLE_UIC);
	fdt_end_node(f);

	fdt_begin_node(f, "plb");
	fdt_string(f, "compatible", "ibm,plb4");
	FDT_CELLS(f, "#address-cells", 2);
	FDT_CELLS(f, "#size-cells", 1);
	fdt_cells(f, "ranges", NULL, 0);
	fdt_begin_node(f, "opb");
	fdt_string(f, "compatible", "ibm,opb");
	FDT_CELLS(f, "#address-cells", 1);
	FDT_CELLS(f, "#size-cells", 1);
	FDT_CELLS(f, "ranges", 0x80000000, 0, 0x80000000, 0x80000000);
	fdt_begin_node(f, "serial@ef600300");
	fdt_string(f, "device_type", "serial");
	fdt_string(f, "compatible", "ns16550");
	FDT_CELLS(f, "reg", UART_BASE, 8);
	FDT_CELLS(f, "virtual-reg", UART_BASE);
	FDT_CELLS(f, "clock-frequency", 11059200);
	FDT_CELLS(f, "current-speed", 115200);
	FDT_CELLS(f, "interrupt-parent", PHANDLE_UIC);
	FDT_CELLS(f, "interrupts", UART_IRQ, 4);
	fdt_end_node(f);
	fdt_end_node(f);
	fdt_end_node(f);

	fdt_begin_node(f, "chosen");
	fdt_string(f, "bootargs", bootargs);
	fdt_string(f, "stdout-path", "/plb/opb/serial@ef600300");
	if (initrd != initrd_end) {
		FDT_CELLS(f, "linux,initrd-start", initrd);
		FDT_CELLS(f, "linux,initrd-end", initrd_end);
	}
	fdt_end_node(f);
	fdt_end_node(f);
	fdt_finish(f, vmm_gpa(b->vmm, at), FDT_SIZE);
	free(f);
}

void bamboo_load(struct bamboo *b, const char *kernel, const char *initrd,
		 const char *bootargs)
{
	uint32_t entry, end, tree, disk, disk_end;
	struct kvm_regs regs;

	end = load_kernel(b, kernel, &entry);
	tree = (end + MB - 1) & -MB;
	disk = disk_end = tree + FDT_SIZE;
	if (disk > b->vmm->mem_size)
		vmm_die("%s: the guest's memory is too small", kernel);
	if (initrd) {
		int fd = open_file(initrd);
		struct stat st;

		if (fstat(fd, &st))
			vmm_die("%s", initrd);
		read_to(b, fd, 0, disk, st.st_size);
		disk_end += st.st_size;
		close(fd);
	}
	device_tree(b, tree, disk, disk_end, bootargs);

	vmm_get_regs(b->vcpu, &regs);
	regs.pc = entry;
	memset(regs.gpr, 0, sizeof(regs.gpr));
	regs.gpr[3] = tree;
	vmm_set_regs(b->vcpu, &regs);
}
