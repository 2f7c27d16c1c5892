# SPDX-License-Identifier: GPL-2.0
# name:seconds[:options], in the order they are run; see Makefile

TESTS += api:60
TESTS += regs:60
TESTS += regs_guest:60
TESTS += bad_ioctl:60
TESTS += bad_args:60
TESTS += memslots:60
TESTS += hcalls:60
TESTS += vpa:60
TESTS += tce:120
TESTS += tce_hcalls:120
TESTS += mmio:60
TESTS += signal_race:120:icount:smp1
TESTS += replay:120:threads
TESTS += replay_late:120:icount:smp1
TESTS += reg_integrity:240
TESTS += memory:240:slow
TESTS += memory_huge:120:huge
TESTS += memory_thp:120:huge
TESTS += trace:60
TESTS += eventfds:60
TESTS += timers:60:icount:smp1
TESTS += fuzz_ioctl:300
TESTS += module:60

payloads-of-api := exits spin
payloads-of-regs := exits
payloads-of-regs_guest := exits
payloads-of-fuzz_ioctl := exits
payloads-of-module := spin exits
payloads-of-timers := timers
payloads-of-eventfds := exits spin
payloads-of-memory := memory toucher
payloads-of-memory_huge := toucher
payloads-of-memory_thp := memory
payloads-of-reg_integrity := integrity exits
payloads-of-replay := spin prod
payloads-of-signal_race := spin
payloads-of-mmio := exits
payloads-of-hcalls := exits
payloads-of-vpa := exits
payloads-of-trace := exits
payloads-of-tce := exits
payloads-of-tce_hcalls := exits
payloads-of-memslots := exits toucher
payloads-of-bench := bench
