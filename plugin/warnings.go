package main

import "math"

// logWarnings logs the warnings about a configuration, in one worker of the process.
func (p *plugin) logWarnings(warnings []string) {
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
		cas = math.MaxUint32 // the value does not exist yet: one worker creates it
	}
	if string(value) == all || !(host{p}).Store(name, []byte(all), cas) {
		return
	}
	for _, w := range warnings {
		logWarn("the configuration: " + w)
	}
}
