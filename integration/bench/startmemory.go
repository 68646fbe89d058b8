package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"strings"

	"mcpauth/envoy-example/envoy"
)

// memoryParts say what the resident memory of an Envoy is, in MB.
type memoryParts struct {
	All     float64
	Files   float64 // of Envoy and its libraries
	Code    float64 // compiled
	Plugins float64 // the memories of the plugin's VMs
	VMs     float64 // their number
	Used    float64 // what Envoy and V8 have allocated
}

// Free is nearly all that Envoy and V8 have freed and the allocator keeps. The rest are
// stacks, and what V8 maps itself.
func (m memoryParts) Free() float64 { return m.All - m.Files - m.Code - m.Plugins - m.Used }

// mapping is one line and its details of /proc/PID/smaps: proc_pid_smaps(5).
type mapping struct {
	start, end  uint64
	permissions string
	file        bool
	resident    float64 // MB
}

func mappings(text string) []mapping {
	var all []mapping
	for line := range strings.Lines(text) {
		fields := strings.Fields(line)
		if low, high, ok := strings.Cut(fields[0], "-"); ok && len(fields) >= 5 {
			start, _ := strconv.ParseUint(low, 16, 64)
			end, _ := strconv.ParseUint(high, 16, 64)
			all = append(all, mapping{start, end, fields[1], len(fields) > 5 && strings.HasPrefix(fields[5], "/"), 0})
		} else if fields[0] == "Rss:" && len(all) > 0 {
			kB, _ := strconv.ParseFloat(fields[1], 64)
			all[len(all)-1].resident = kB * 1024 / 1e6
		}
	}
	return all
}

// count adds the mappings up. The memory of a VM is followed by some GB of nothing, so
// that V8 need not check addresses.
func (m *memoryParts) count(all []mapping) {
	for i, one := range all {
		m.All += one.resident
		switch {
		case one.file:
			m.Files += one.resident
		case strings.Contains(one.permissions, "x"):
			m.Code += one.resident
		case strings.HasPrefix(one.permissions, "rw") && i+1 < len(all) && all[i+1].start == one.end &&
			strings.HasPrefix(all[i+1].permissions, "---") && all[i+1].end-all[i+1].start > 4<<30:
			m.Plugins += one.resident
			m.VMs++
		}
	}
}

// memoryOf returns the parts of an Envoy's memory.
func memoryOf(ctx context.Context, p *envoy.Process) (m memoryParts, err error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps", p.PID()))
	if err != nil {
		return m, err
	}
	m.count(mappings(string(text)))
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+p.Admin()+"/memory", nil)
	if err != nil {
		return m, err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return m, err
	}
	defer res.Body.Close()
	var doc struct {
		Allocated string `json:"allocated"`
	}
	if err := json.NewDecoder(bufio.NewReader(res.Body)).Decode(&doc); err != nil {
		return m, fmt.Errorf("/memory: %w", err)
	}
	used, err := strconv.ParseFloat(doc.Allocated, 64)
	if err != nil {
		return m, fmt.Errorf("/memory: %w", err)
	}
	m.Used = used / 1e6
	return m, nil
}
