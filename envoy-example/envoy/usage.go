package envoy

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
)

// RSS returns the resident memory of the process in bytes: field 24 of
// proc_pid_stat(5). Linux only.
func (p *Process) RSS() (int64, error) {
	path := fmt.Sprintf("/proc/%d/stat", p.PID())
	b, err := os.ReadFile(path)
	if err != nil {
		return 0, err
	}
	// The second field, the name, may hold spaces: it ends at the last ')'.
	fields := bytes.Fields(b[bytes.LastIndexByte(b, ')')+1:])
	const rss, first = 24, 3 // first is the number of the first field after the name
	if len(fields) <= rss-first {
		return 0, fmt.Errorf("%s has too few fields", path)
	}
	pages, err := strconv.ParseInt(string(fields[rss-first]), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("%s: %w", path, err)
	}
	return pages * int64(os.Getpagesize()), nil
}
