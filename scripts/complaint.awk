# SPDX-License-Identifier: GPL-2.0
# Prints the first line of a kernel's log that a healthy kernel never prints, with the
# functions of the call trace behind it.
BEGIN {
	complaint = "Kernel panic|WARNING:|BUG:|Oops:|INFO: task .* blocked|rcu.*(stall|detected)|" \
		"INFO: (possible|inconsistent|trying to register)|\\[ INFO:|possible .*(locking|deadlock)|" \
		"soft lockup|hard LOCKUP|Watchdog CPU|KFENCE|unreferenced object|Unrecoverable|" \
		"Machine check|Object .*already free|Slab corruption|Redzone|Poison overwritten|" \
		"scheduling while atomic|sleeping function called|Bad page|bad page state|Bad swap|" \
		"Unable to handle kernel|kernel tried to|exception in kernel|ODEBUG|list_(add|del) corruption|" \
		"refcount_t:|DEBUG_LOCKS|Memory failure|nobody cared|Fix up|NULL pointer"
}

# The kernel reports the NVRAM of a partition as corrupt, because it is new each time
/nvram corruption detected/ { next }

bad == "" && $0 ~ complaint {
	bad = $0
	behind = 0
}

# The link register and the call trace, of which the first lines are about this complaint
bad != "" && behind++ < 60 && (/(\] |: )LR \[/ || / \[c[0-9a-f]+\] \[c[0-9a-f]+\] /) {
	name = $0
	sub(/\+0x.*/, "", name)
	sub(/.*[] ]/, "", name)
	if (calls < 8 && name != "" && name != last) {
		trace = trace (calls++ ? " < " : "") name
		last = name
	}
}

# hrtimer_forward() complains if the timer runs. The scheduler's deadline server starts its timer
# under the lock of the run queue, which the function of a timer that has just expired takes
# only then; see start_dl_timer() and dl_server_timer() in kernel/sched/deadline.c. This is
# the kernel's own race, and it needs no guest.
bad ~ /hrtimer_forward/ && trace ~ /(^| )dl_(server_timer|task_timer)( |$)/ {
	bad = trace = last = ""
	calls = 0
}

END { if (bad != "") print bad (trace == "" ? "" : ", in " trace) }
