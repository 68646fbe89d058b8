package main

import "math"

// warn tells the log what is allowed in a configuration, but dangerous: once, and
// not in each worker.
func (p *plugin) warn(warnings []string) {
	if len(warnings) == 0 {
		return
	}
	const name = "mcpauth.warnings 1"
	all := ""
	for _, w := range warnings {
		all += w + "\n"
	}
	value, cas := host{p}.Load(name)
	if cas == 0 {
		cas = math.MaxUint32 // of several workers one creates the value
	}
	if string(value) == all || !(host{p}).Store(name, []byte(all), cas) {
		return
	}
	for _, w := range warnings {
		logWarn("the configuration: " + w)
	}
}
