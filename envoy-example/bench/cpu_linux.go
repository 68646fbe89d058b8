package main

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// allowedCPUs returns the numbers of the processors that this process may use.
func allowedCPUs() ([]int, error) {
	var set unix.CPUSet
	if err := unix.SchedGetaffinity(0, &set); err != nil {
		return nil, fmt.Errorf("processors of this process: %w", err)
	}
	var list []int
	for n := 0; len(list) < set.Count(); n++ {
		if set.IsSet(n) {
			list = append(list, n)
		}
	}
	return list, nil
}

// pin lets every thread of a process run on these processors only. Threads that
// start later inherit that from those that start them, so once a look at all
// threads finds no new one, none is left out.
func pin(pid int, cpus ...int) error {
	var set unix.CPUSet
	for _, n := range cpus {
		set.Set(n)
	}
	pinned := map[int]bool{}
	for {
		threads, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", pid))
		if err != nil {
			return fmt.Errorf("pin process %d: %w", pid, err)
		}
		found := false
		for _, t := range threads {
			id, err := strconv.Atoi(t.Name())
			if err != nil || pinned[id] {
				continue
			}
			if err := unix.SchedSetaffinity(id, &set); err != nil && err != unix.ESRCH { // it has ended
				return fmt.Errorf("pin process %d: %w", pid, err)
			}
			pinned[id], found = true, true
		}
		if !found {
			return nil
		}
	}
}

// cpuTime returns the processor time, user and system, that all threads of a
// process have used, to the nanosecond: /proc/PID/stat counts in steps of 10 ms.
func cpuTime(pid int) (time.Duration, error) {
	// The id of a process's clock, as clock_getcpuclockid(3) makes it.
	const schedulerClock = 2
	var t unix.Timespec
	if err := unix.ClockGettime(int32(^pid<<3|schedulerClock), &t); err != nil {
		return 0, fmt.Errorf("processor time of process %d: %w", pid, err)
	}
	return time.Duration(t.Nano()), nil
}

// twoCPUs picks a processor for Envoy and one for the load. They are threads of
// different cores if possible; shared tells that they are not. ok is false if
// there is only one.
func twoCPUs() (forEnvoy, forLoad int, shared, ok bool, err error) {
	list, err := allowedCPUs()
	if err != nil || len(list) < 2 {
		return 0, 0, false, false, err
	}
	last := list[len(list)-1] // the first often serves the interrupts
	siblings, err := os.ReadFile(fmt.Sprintf("/sys/devices/system/cpu/cpu%d/topology/thread_siblings_list", last))
	i := 0
	if err == nil {
		i = slices.IndexFunc(list, func(n int) bool { return n != last && !listed(string(siblings), n) })
	}
	if i < 0 {
		return last, list[0], true, true, nil
	}
	return last, list[i], false, true, nil
}
