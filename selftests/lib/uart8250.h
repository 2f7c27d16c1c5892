/* SPDX-License-Identifier: GPL-2.0 */
/* A serial port of the 8250's kind, which writes to a file descriptor. */
#ifndef SELFTESTS_UART8250_H
#define SELFTESTS_UART8250_H

#include <stdbool.h>
#include <stdint.h>

#define UART_FIFO 256

struct uart8250 {
	int out; /* descriptor for output; below 0: none */
	uint8_t ier, lcr, mcr, scr, dll, dlm;
	bool thr_interrupt; /* the transmitter has become empty since IIR was read */
	uint8_t fifo[UART_FIFO]; /* received */
	unsigned int head, tail;
};

uint8_t uart_read(struct uart8250 *u, unsigned int reg);
void uart_write(struct uart8250 *u, unsigned int reg, uint8_t value);
/* Is there room for a received byte? */
bool uart_room(const struct uart8250 *u);
/* Receives a byte, which is lost if there is no room */
void uart_receive(struct uart8250 *u, uint8_t byte);
bool uart_interrupt(const struct uart8250 *u);

#endif
