package main

import (
	"fmt"
	"strings"
)

// A cut makes a function begin with a return, so that the linker leaves out
// what only the rest of it calls. It is for the size alone: the function is one
// that has nothing to do in a plugin.
type cut struct {
	file, function string
	first          string // what the function does now
	since          int    // the minor version of the first Go that has it; 0 if all known do
}

// The sizes are those of the file without this cut, less those with all.
var cuts = []cut{
	// Execution traces, which need runtime/trace to be started: 125 kB, and a
	// little less to do at each step of the scheduler and the collector.
	{file: "runtime/traceruntime.go", function: "traceEnabled", first: "return false"},
	{file: "runtime/traceruntime.go", function: "traceShuttingDown", first: "return false"},

	// GODEBUG for packages other than the runtime: 62 kB, with the counters of
	// settings, runtime/metrics behind them, and bisecting.
	{file: "internal/godebug/godebug.go", function: "init", first: "return"},

	// Floating-point numbers in panics and in traces of the collector's pacer:
	// 42 kB. Earlier versions have a short form of their own.
	{file: "runtime/print.go", function: "printfloat64", first: printFloat, since: 26},
	{file: "runtime/print.go", function: "printfloat32", first: printFloat, since: 26},
	{file: "runtime/print.go", function: "printcomplex128", first: printFloat, since: 26},
	{file: "runtime/print.go", function: "printcomplex64", first: printFloat, since: 26},

	// Types that are the same in several modules of -buildmode=plugin: 31 kB.
	{file: "runtime/type.go", function: "typelinksinit", first: "return"},

	// The goroutine that gives memory back to the system in the background, which
	// WebAssembly cannot do: 19 kB, and a little work less after each collection.
	{file: "runtime/mgcscavenge.go", function: "bgscavenge", first: "c <- 1; return"},

	// A second look for mistakes in finalizers, GODEBUG=checkfinalizers=1: 11 kB.
	{file: "runtime/mcheckmark.go", function: "checkFinalizersAndCleanups", first: "return", since: 25},

	// The state of the scheduler, GODEBUG=schedtrace=1: 11 kB.
	{file: "runtime/proc.go", function: "schedtrace", first: "return"},

	// The words of an object that the collector finds broken: 11 kB. It says
	// what is wrong and stops as before.
	{file: "runtime/hexdump.go", function: "hexdumpWords", first: "return", since: 26},

	// Open files and the folders that a host lends, of which a plugin has
	// none: 11 kB.
	{file: "syscall/fs_wasip1.go", function: "init", first: "return"},
}

const printFloat = `print("(a float)"); return`

// apply returns text with the function cut; those of the name init may be more
// than one in a file.
func (c cut) apply(text string) (string, error) {
	start := "\nfunc " + c.function + "("
	parts := strings.Split(text, start)
	if len(parts) == 1 || len(parts) > 2 && c.function != "init" {
		return "", fmt.Errorf("%s: %s is there %d times; look at the file and adapt internal/overlay", c.file, c.function, len(parts)-1)
	}
	for i, part := range parts[1:] {
		signature, body, _ := strings.Cut(part, " {\n")
		parts[i+1] = signature + " {\n\t" + c.first + "\n" + body
	}
	return strings.Join(parts, start), nil
}
