/* SPDX-License-Identifier: GPL-2.0 */
/* Writes a flattened device tree (Devicetree Specification 0.4, chapter 5). */
#ifndef SELFTESTS_FDT_H
#define SELFTESTS_FDT_H

#include <stddef.h>
#include <stdint.h>

#define FDT_MAX_WORDS 2048
#define FDT_MAX_STRINGS 1024

struct fdt {
	uint32_t structure[FDT_MAX_WORDS]; /* big-endian */
	size_t words;
	char strings[FDT_MAX_STRINGS];
	size_t strings_size;
};

void fdt_begin_node(struct fdt *f, const char *name);
void fdt_end_node(struct fdt *f);
void fdt_string(struct fdt *f, const char *name, const char *value);
void fdt_cells(struct fdt *f, const char *name, const uint32_t *cells,
	       size_t n);

#define FDT_CELLS(f, name, ...)                               \
	fdt_cells(f, name, (const uint32_t[]){ __VA_ARGS__ }, \
		  sizeof((const uint32_t[]){ __VA_ARGS__ }) / \
			  sizeof(uint32_t))

/* Closes the tree and writes it to @to; returns its size, which is below @max */
size_t fdt_finish(struct fdt *f, void *to, size_t max);

#endif
