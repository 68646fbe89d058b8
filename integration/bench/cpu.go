package main

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
)

// cpus says on which processors Envoy and the load run.
type cpus struct {
	// Pinned is false if there is only one processor.
	Pinned bool `json:"pinned"`
	Envoy  int  `json:"envoy"`
	Load   int  `json:"load"`
	// Shared tells that the two are threads of one core.
	Shared bool `json:"threads_of_one_core"`
	all    []int
}

// chooseCPUs picks threads of different cores if it can.
func chooseCPUs() (cpus, error) {
	all, err := allowedCPUs()
	if err != nil || len(all) < 2 {
		return cpus{all: all}, err
	}
	last := all[len(all)-1] // the first often serves the interrupts
	c := cpus{Pinned: true, Envoy: last, Load: all[0], all: all}
	siblings, err := os.ReadFile(fmt.Sprintf("/sys/devices/system/cpu/cpu%d/topology/thread_siblings_list", last))
	if err != nil {
		return c, nil // not told
	}
	i := slices.IndexFunc(all, func(n int) bool { return n != last && !listed(string(siblings), n) })
	if c.Shared = i < 0; !c.Shared {
		c.Load = all[i]
	}
	return c, nil
}

// apart puts this process on one processor and others on another, if there are two. leave
// gives this process back what it had; it is never nil.
func (c cpus) apart(pids ...int) (leave func(), err error) {
	if !c.Pinned {
		return func() {}, nil
	}
	procs := runtime.GOMAXPROCS(1)
	leave = func() {
		runtime.GOMAXPROCS(procs)
		if err := pin(os.Getpid(), c.all...); err != nil {
			fmt.Fprintln(os.Stderr, "bench:", err)
		}
	}
	err = pin(os.Getpid(), c.Load)
	for _, pid := range pids {
		err = errors.Join(err, pin(pid, c.Envoy))
	}
	return leave, err
}

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
