package envoy

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"time"
)

// clockTick is the unit of the times in /proc/PID/stat: USER_HZ, which is 100
// on every Linux architecture that Envoy runs on.
const clockTick = 10 * time.Millisecond

// CPU returns the processor time, user and system, that the process has used.
// Linux only.
func (p *Process) CPU() (time.Duration, error) {
	utime, stime, _, err := p.procStat()
	return time.Duration(utime+stime) * clockTick, err
}

// RSS returns the resident memory of the process in bytes. Linux only.
func (p *Process) RSS() (int64, error) {
	_, _, pages, err := p.procStat()
	return pages * int64(os.Getpagesize()), err
}

// procStat reads fields 14, 15 and 24 of proc_pid_stat(5).
func (p *Process) procStat() (utime, stime, rss int64, err error) {
	path := fmt.Sprintf("/proc/%d/stat", p.PID())
	b, err := os.ReadFile(path)
	if err != nil {
		return 0, 0, 0, err
	}
	// The second field, the name, may hold spaces: it ends at the last ')'.
	fields := bytes.Fields(b[bytes.LastIndexByte(b, ')')+1:])
	const first = 3 // the number of the first field after the name
	for _, f := range []struct {
		number int
		to     *int64
	}{{14, &utime}, {15, &stime}, {24, &rss}} {
		if len(fields) <= f.number-first {
			return 0, 0, 0, fmt.Errorf("%s has too few fields", path)
		}
		if *f.to, err = strconv.ParseInt(string(fields[f.number-first]), 10, 64); err != nil {
			return 0, 0, 0, fmt.Errorf("%s: %w", path, err)
		}
	}
	return utime, stime, rss, nil
}
