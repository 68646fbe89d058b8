package main

import (
	"strconv"
	"strings"
)

// listed tells whether n is in a list of the kernel's form, "0-3,8".
func listed(list string, n int) bool {
	for r := range strings.SplitSeq(strings.TrimSpace(list), ",") {
		low, high, isRange := strings.Cut(r, "-")
		from, err := strconv.Atoi(low)
		to := from
		if err == nil && isRange {
			to, err = strconv.Atoi(high)
		}
		if err == nil && from <= n && n <= to {
			return true
		}
	}
	return false
}
