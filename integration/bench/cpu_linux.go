package main

import (
	"fmt"
	"os"
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
