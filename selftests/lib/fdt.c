// SPDX-License-Identifier: GPL-2.0
#include "fdt.h"
#include "vmm.h"

#include <endian.h>
#include <string.h>

#define BEGIN_NODE 1
#define END_NODE 2
#define PROP 3
#define END 9
#define MAGIC 0xd00dfeed

static void put(struct fdt *f, uint32_t word)
{
	if (f->words >= FDT_MAX_WORDS)
		vmm_die("device tree: too large");
	f->structure[f->words++] = htobe32(word);
}

static void put_bytes(struct fdt *f, const void *bytes, size_t size)
{
	size_t words = (size + 3) / 4;

	if (f->words + words > FDT_MAX_WORDS)
		vmm_die("device tree: too large");
	memset(&f->structure[f->words], 0, words * 4);
	memcpy(&f->structure[f->words], bytes, size);
	f->words += words;
}

static uint32_t string_offset(struct fdt *f, const char *name)
{
	size_t at, size = strlen(name) + 1;

	for (at = 0; at < f->strings_size; at += strlen(f->strings + at) + 1)
		if (!strcmp(f->strings + at, name))
			return at;
	if (at + size > FDT_MAX_STRINGS)
		vmm_die("device tree: too many names");
	memcpy(f->strings + at, name, size);
	f->strings_size += size;
	return at;
}

static void property(struct fdt *f, const char *name, const void *value,
		     size_t size)
{
	put(f, PROP);
	put(f, size);
	put(f, string_offset(f, name));
	put_bytes(f, value, size);
}

void fdt_begin_node(struct fdt *f, const char *name)
{
	put(f, BEGIN_NODE);
	put_bytes(f, name, strlen(name) + 1);
}

void fdt_end_node(struct fdt *f)
{
	put(f, END_NODE);
}

void fdt_string(struct fdt *f, const char *name, const char *value)
{
	property(f, name, value, strlen(value) + 1);
}

void fdt_cells(struct fdt *f, const char *name, const uint32_t *cells, size_t n)
{
	size_t i;

	put(f, PROP);
	put(f, n * 4);
	put(f, string_offset(f, name));
	for (i = 0; i < n; i++)
		put(f, cells[i]);
}

size_t fdt_finish(struct fdt *f, void *to, size_t max)
{
	/* Header, one empty entry of reserved memory, structure, strings */
	uint32_t header[10 + 4] = {}, size;
	uint32_t structure_at = sizeof(header), strings_at;
	char *p = to;

	put(f, END);
	strings_at = structure_at + f->words * 4;
	size = strings_at + f->strings_size;
	if (size > max)
		vmm_die("device tree: no room");
	header[0] = htobe32(MAGIC);
	header[1] = htobe32(size);
	header[2] = htobe32(structure_at);
	header[3] = htobe32(strings_at);
	header[4] = htobe32(40); /* reserved memory */
	header[5] = htobe32(17); /* version */
	header[6] = htobe32(16); /* compatible with */
	header[7] = 0; /* boot CPU */
	header[8] = htobe32(f->strings_size);
	header[9] = htobe32(f->words * 4);
	memcpy(p, header, sizeof(header));
	memcpy(p + structure_at, f->structure, f->words * 4);
	memcpy(p + strings_at, f->strings, f->strings_size);
	return size;
}
