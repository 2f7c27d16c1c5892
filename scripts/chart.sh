#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# chart.sh bars|curves DIR PEER OURS WHAT [GROUPS]: draws DIR/table, which is "NAME PEER OURS
# LIMIT" lines, as DIR/KIND.svg, and says so. chart.gp tells what the arguments are.
. "$(dirname "$0")/lib.sh"

kind=$1 dir=$2
command -v gnuplot >/dev/null || die "gnuplot is missing, which draws the picture; the figures are in $dir/table"
quoted=${dir//\'/\'\'}
gnuplot -e "kind='$kind'; table='$quoted/table'; out='$quoted/$kind.svg'; peer='$3'; ours='$4'; of='$5'; groups='${6:-}'" \
	"$top/scripts/chart.gp"
sed -i '1a <!-- SPDX-License-Identifier: GPL-2.0 -->' "$dir/$kind.svg"
stage "drawn: $dir/$kind.svg"
