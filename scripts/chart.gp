# SPDX-License-Identifier: GPL-2.0
# chart.gp: draws what bench.sh measured. It is told by -e: kind, bars or curves; table, the
# file of "NAME PEER OURS LIMIT" lines (LIMIT - if there is none); out, the SVG's name;
# peer, ours and of, the modules' names and what is counted; and for curves groups, "TITLE|PATTERN"
# words with a PATTERN of awk's for the names of each, which end in @SIZE.
grey = "#9aa5b1"; blue = "#2563a8"; red = "#c0392b"

if (kind eq "bars") {
	stats table using 2 nooutput
	n = STATS_records
	set terminal svg size 760, 90 + 42 * n font "sans-serif,13" background "#ffffff"
	set output out
	set title sprintf("%s, %s = 1 (shorter is better)", of, peer) noenhanced
	set xrange [0:*]
	set yrange [n - 0.4:-0.6]
	set grid xtics lc rgb "#dddddd"
	set border 1
	set xtics nomirror
	set ytics scale 0 nomirror
	set key below
	name(s) = (strstrt(s, "_") ? name(s[:strstrt(s, "_") - 1] . " " . s[strstrt(s, "_") + 1:]) : s)
	ratio(a, b) = a > 0 ? b / a : 0
	limit(s) = s eq "-" ? NaN : real(s)
	set style fill solid noborder
	# What was counted stands in its bar, unless that is too short
	inside(r) = r < 0.15 ? NaN : 0.008
	plot table using (0.5):($0):(0):(1):($0 - 0.40):($0 - 0.02):ytic(name(strcol(1))) \
			with boxxyerror lc rgb grey title peer noenhanced, \
		'' using (0.5):($0):(0):(ratio($2, $3)):($0 + 0.02):($0 + 0.40) with boxxyerror lc rgb blue title ours noenhanced, \
		'' using (limit(strcol(4))):($0 - 0.46):(0):(0.92) with vectors nohead lw 3 lc rgb red title "limit", \
		'' using (0.008):($0 - 0.21):(sprintf("%d", $2)) with labels left font ",11" tc rgb "#222222" notitle, \
		'' using (inside(ratio($2, $3))):($0 + 0.21):(sprintf("%d", $3)) with labels left font ",11" tc rgb "#ffffff" notitle, \
		'' using (ratio($2, $3)):($0 + 0.21):(sprintf(" %.2f", ratio($2, $3))) with labels left font ",11" tc rgb blue notitle
} else {
	set terminal svg size 900, 640 font "sans-serif,12" background "#ffffff"
	set output out
	set multiplot layout 2, 2 title sprintf("%s: %s of %s, by how many there are", of, ours, peer) noenhanced
	set logscale x
	set yrange [0:1.2 < *]
	set grid lc rgb "#dddddd"
	set border 3
	set xtics nomirror
	set ytics nomirror
	set key outside below
	do for [group in groups] {
		bar = strstrt(group, "|")
		pattern = group[bar + 1:]
		names = system(sprintf("awk '$1 ~ /^(%s)@/ {sub(/@.*/, \"\", $1); if (!seen[$1]++) print $1}' '%s'", pattern, table))
		rows(name) = sprintf("< awk 'split($1, a, \"@\") && a[1] == \"%s\" && $2 > 0 {print a[2], $3 / $2, $4}' '%s'", name, table)
		set xlabel group[:bar - 1]
		plot for [i = 1:words(names)] rows(word(names, i)) using 1:2 with linespoints lw 2 pt 7 ps 0.5 \
				title word(names, i) noenhanced, \
			for [i = 1:words(names)] rows(word(names, i)) using 1:3 with lines dt 2 lc rgb red \
				title (i == 1 ? "limit" : "")
	}
	unset multiplot
}
