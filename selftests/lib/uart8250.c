// SPDX-License-Identifier: GPL-2.0
#include "uart8250.h"
#include "vmm.h"

#include <unistd.h>

#define IER_RDI 1
#define IER_THRI 2
#define IIR_NONE 1
#define IIR_THRI 2
#define IIR_RDI 4
#define LCR_DLAB 0x80
#define LSR_DR 1
#define LSR_EMPTY 0x60
#define MCR_LOOP 0x10
/*
 * Clear to send, data set ready, carrier detect: as if a terminal were
 * connected
 */
#define MSR_READY 0xb0

static bool has_data(const struct uart8250 *u)
{
	return u->head != u->tail;
}

static uint8_t iir(const struct uart8250 *u)
{
	if (u->ier & IER_RDI && has_data(u))
		return IIR_RDI;
	if (u->ier & IER_THRI && u->thr_interrupt)
		return IIR_THRI;
	return IIR_NONE;
}

bool uart_interrupt(const struct uart8250 *u)
{
	return iir(u) != IIR_NONE;
}

bool uart_room(const struct uart8250 *u)
{
	return (u->head + 1) % UART_FIFO != u->tail;
}

void uart_receive(struct uart8250 *u, uint8_t byte)
{
	if (!uart_room(u))
		return;
	u->fifo[u->head] = byte;
	u->head = (u->head + 1) % UART_FIFO;
}

uint8_t uart_read(struct uart8250 *u, unsigned int reg)
{
	uint8_t v = 0;

	switch (reg) {
	case 0:
		if (u->lcr & LCR_DLAB)
			return u->dll;
		if (has_data(u)) {
			v = u->fifo[u->tail];
			u->tail = (u->tail + 1) % UART_FIFO;
		}
		return v;
	case 1:
		return u->lcr & LCR_DLAB ? u->dlm : u->ier;
	case 2:
		v = iir(u);
		if (v == IIR_THRI)
			u->thr_interrupt = false;
		return v;
	case 3:
		return u->lcr;
	case 4:
		return u->mcr;
	case 5:
		return LSR_EMPTY | (has_data(u) ? LSR_DR : 0);
	case 6:
		/* In loopback mode, outputs are read back as inputs */
		if (u->mcr & MCR_LOOP)
			return (u->mcr & 2) << 3 | (u->mcr & 1) << 5 |
			       (u->mcr & 0xc) << 4;
		return MSR_READY;
	case 7:
		return u->scr;
	}
	return 0xff;
}

void uart_write(struct uart8250 *u, unsigned int reg, uint8_t value)
{
	switch (reg) {
	case 0:
		if (u->lcr & LCR_DLAB) {
			u->dll = value;
			break;
		}
		if (u->mcr & MCR_LOOP)
			uart_receive(u, value);
		else if (u->out >= 0 && write(u->out, &value, 1) != 1)
			vmm_die("the console is gone");
		u->thr_interrupt = true;
		break;
	case 1:
		if (u->lcr & LCR_DLAB) {
			u->dlm = value;
			break;
		}
		/*
		 * The transmitter is always empty, so enabling its interrupt
		 * raises it at once
		 */
		if (value & ~u->ier & IER_THRI)
			u->thr_interrupt = true;
		u->ier = value & 0xf;
		break;
	case 3:
		u->lcr = value;
		break;
	case 4:
		u->mcr = value & 0x1f;
		break;
	case 7:
		u->scr = value;
		break;
	}
}
