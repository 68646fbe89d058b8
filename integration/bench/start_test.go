package main

import (
	"slices"
	"strings"
	"testing"
)

// The modules that are cut short export what a host calls and no more.
func TestModulesCutShort(t *testing.T) {
	var m module
	for _, name := range []string{"proxy_abi_version_0_2_0", "_initialize", "proxy_on_configure", "proxy_on_memory_allocate"} {
		m.exports(name, nil, 0, 0, nil)
	}
	file := m.bytes(0, []byte("data"))
	for _, c := range []struct{ functions, want []string }{
		{nil, []string{"proxy_abi_version_0_2_0", "proxy_on_memory_allocate", "memory"}},
		{[]string{"_initialize"}, []string{"proxy_abi_version_0_2_0", "_initialize", "proxy_on_memory_allocate", "memory"}},
	} {
		got, err := exporting(file, c.functions...)
		if err != nil {
			t.Fatal(err)
		}
		var code, names []byte
		if err := sections(got, func(id byte, body []byte) {
			switch id {
			case 7:
				names = body
			case 10:
				code = body
			}
		}); err != nil {
			t.Fatal(err)
		}
		if int(names[0]) != len(c.want) {
			t.Errorf("%v: %d exports", c.functions, names[0])
		}
		for _, name := range c.want {
			if !strings.Contains(string(names), name) {
				t.Errorf("%v: %s is not exported", c.functions, name)
			}
		}
		if int(code[0]) != 4 {
			t.Errorf("%v: %d functions of 4", c.functions, code[0])
		}
	}
	if _, err := exporting(file, "proxy_on_nothing"); err == nil {
		t.Error("an export that is not there is not missed")
	}
	if _, err := exporting(file[:len(file)-1]); err == nil {
		t.Error("a module that is cut off is taken")
	}

	const n = 1000
	long := padded(file, n)
	found := false
	if err := sections(long, func(id byte, body []byte) { found = found || id == 0 && len(body) == n+len("\x07padding") }); err != nil || !found {
		t.Errorf("the padding is not there: %v", err)
	}
	if !slices.Equal(long[:len(file)], file) {
		t.Error("the padded module is another one")
	}
}

func TestMemoryParts(t *testing.T) {
	var m memoryParts
	m.count(mappings(`1000000000-1000001000 r-xp 00000000 08:01 7   /usr/bin/envoy
Size:   4 kB
Rss:    2000 kB
2000000000-2000001000 rwxp 00000000 00:00 0
Rss:    3000 kB
3000000000-3000001000 rw-p 00000000 00:00 0
Rss:    4000 kB
3000001000-3200001000 ---p 00000000 00:00 0
Rss:    0 kB
4000000000-4000001000 rw-p 00000000 00:00 0   [heap]
Rss:    1000 kB
`))
	m.Used = 1
	for name, c := range map[string]struct{ got, want float64 }{
		"all": {m.All, 10.24}, "files": {m.Files, 2.048}, "code": {m.Code, 3.072}, "plugins": {m.Plugins, 4.096}, "VMs": {m.VMs, 1}, "free": {m.Free(), 0.024},
	} {
		if diff := c.got - c.want; diff > 1e-9 || diff < -1e-9 {
			t.Errorf("%s: %v, want %v", name, c.got, c.want)
		}
	}
}
