#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""modinfo.py MODULE FIELD: prints a field of a kernel module's information, for machines without modinfo."""

import sys

from layout import section

with open(sys.argv[1], "rb") as f:
    info = section(f.read(), b".modinfo")
for entry in info.split(b"\0"):
    name, _, value = entry.decode().partition("=")
    if name == sys.argv[2]:
        print(value)
