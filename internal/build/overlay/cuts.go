package main

import (
	"fmt"
	"os"
	"strings"
)

// A cut makes a function begin with a return, so that the linker leaves out
// what only the rest of it calls. It makes the file smaller and changes nothing
// that a plugin does.
type cut struct {
	file, function string
	first          string // the statement that the function begins with
	since          int    // the minor version of the first Go that has the function; 0 if all supported ones do
}

// The sizes say by how much the file grows without the cut.
var cuts = []cut{
	// Execution traces, which need runtime/trace to be started: 125 kB. The
	// scheduler and the collector do a little less at each step.
	{file: "runtime/traceruntime.go", function: "traceEnabled", first: "return false"},
	{file: "runtime/traceruntime.go", function: "traceShuttingDown", first: "return false"},

	// GODEBUG for packages other than the runtime, with the counters of its
	// settings and runtime/metrics behind them: 62 kB.
	{file: "internal/godebug/godebug.go", function: "init", first: "return"},

	// Floating-point numbers in panics and in traces of the collector's pacer:
	// 42 kB. Earlier versions have a short form of their own.
	{file: "runtime/print.go", function: "printfloat64", first: printFloat, since: 26},
	{file: "runtime/print.go", function: "printfloat32", first: printFloat, since: 26},
	{file: "runtime/print.go", function: "printcomplex128", first: printFloat, since: 26},
	{file: "runtime/print.go", function: "printcomplex64", first: printFloat, since: 26},

	// Types that are the same in several modules of -buildmode=plugin: 31 kB.
	{file: "runtime/type.go", function: "typelinksinit", first: "return"},
}

const printFloat = `print("(a float)"); return`

// openFiles are the three variables that open files when package os starts, and
// the only thing that does: 80 kB.
var openFiles = patch{
	file: "os/file.go",
	old: `	Stdin  = NewFile(uintptr(syscall.Stdin), "/dev/stdin")
	Stdout = NewFile(uintptr(syscall.Stdout), "/dev/stdout")
	Stderr = NewFile(uintptr(syscall.Stderr), "/dev/stderr")
`,
	new: `	Stdin, Stdout, Stderr *File
`,
}

// cut applies the cuts to the standard library. A cut that does not fit this
// toolchain is left out, and a line says so: the file is larger, and works.
func (o *overlay) cut() {
	apply := func(file string, f func(string) (string, error)) {
		text, err := o.load(file)
		if err == nil {
			if text, err = f(text); err == nil {
				o.store(file, text)
				return
			}
		}
		fmt.Fprintln(os.Stderr, "overlay: a cut does not fit this Go toolchain, so that the plugin is larger:", err)
	}
	apply(openFiles.file, openFiles.apply)
	minor := minorVersion(o.goroot)
	for _, c := range cuts {
		if c.since <= minor {
			apply(c.file, c.apply)
		}
	}
}

// apply returns text with the function cut; a file may have several named init.
func (c cut) apply(text string) (string, error) {
	start := "\nfunc " + c.function + "("
	parts := strings.Split(text, start)
	if len(parts) == 1 || len(parts) > 2 && c.function != "init" {
		return "", fmt.Errorf("%s: the function %s occurs %d times, want once", c.file, c.function, len(parts)-1)
	}
	for i, part := range parts[1:] {
		signature, body, _ := strings.Cut(part, " {\n")
		parts[i+1] = signature + " {\n\t" + c.first + "\n" + body
	}
	return strings.Join(parts, start), nil
}
