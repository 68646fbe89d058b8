package main

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"strings"
	"time"
)

// Machine is what the figures were measured on.
type Machine struct {
	Time   time.Time `json:"time"`
	CPU    string    `json:"cpu"`
	Cores  int       `json:"processors"` // that the benchmark may use
	Chosen cpus      `json:"cpus"`
	Kernel string    `json:"kernel"`
	Go     string    `json:"go"`
	Envoy  string    `json:"envoy"`
	// Files are the sizes of the plugins in bytes, by variant.
	Files map[string]int64 `json:"file_bytes"`
}

func (b *bench) machine(ctx context.Context) (Machine, error) {
	m := Machine{
		Time: b.began.UTC().Truncate(time.Second), Cores: len(b.cpus.all), Chosen: b.cpus,
		Kernel: firstLine("/proc/sys/kernel/osrelease"), Go: strings.TrimPrefix(runtime.Version(), "go"), Files: map[string]int64{},
	}
	info, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return m, err
	}
	m.CPU = runtime.GOARCH // on ARM the kernel tells no name
	if name := regexp.MustCompile(`(?m)^model name\s*: (.*)$`).FindSubmatch(info); name != nil {
		m.CPU = string(name[1])
	}
	out, err := exec.CommandContext(ctx, b.binary, "--version").Output()
	if err != nil {
		return m, fmt.Errorf("%s --version: %w", b.binary, err)
	}
	m.Envoy = strings.TrimSpace(string(out))
	if version := regexp.MustCompile(`/(\d+\.\d+\.\d+)`).FindSubmatch(out); version != nil {
		m.Envoy = string(version[1])
	}
	for _, v := range b.gateway.variants {
		if v.Wasm == "" {
			continue
		}
		info, err := os.Stat(v.Wasm)
		if err != nil {
			return m, err
		}
		m.Files[v.Name] = info.Size()
	}
	return m, nil
}

func firstLine(path string) string {
	b, err := os.ReadFile(path)
	line, _, _ := strings.Cut(string(b), "\n")
	if err != nil {
		line = ""
	}
	return cmp.Or(line, "unknown")
}
