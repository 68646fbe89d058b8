// Command shrink takes a megabyte out of a WebAssembly file that Go has
// linked, without a change to what the program does.
//
// Go's runtime finds the function of a program counter by a table,
// runtime.findfunctab, made for code that lies close together: 20 bytes for
// every 4 KiB. On WebAssembly each function takes 64 KiB of program counters,
// so that the table has 16 entries a function, all alike but for a number that
// counts the functions. The linker leaves zeros out of a file, yet each entry
// costs ten bytes there: a tenth of the plugin, and nine tenths of its data
// segments, which every host reads, checks and copies. The command leaves the
// table out and adds a start function, which a host runs once the memory is set
// up and before it calls anything else, and which writes the table: see table.
//
// The files and lines of program counters are for traces only, and take another
// 150 kB: see dropLines.
//
// Jumps within a function are written anew, and calls that never return are
// shortened, which makes the code smaller and quicker to compile and to run: see
// jumps and outliner.
//
// The callbacks that the plugin does not need are no longer exported: see
// unused.
//
// Where a table is not found the toolchain has changed, and the command may be
// needless: it says so and copies the file as it is. With -plain it always does.
//
// With -version it also writes a custom section that names the version: see
// addVersion.
//
// Usage: shrink [-plain] [-version VERSION] IN OUT
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
)

func main() {
	plain := flag.Bool("plain", false, "leave the code, the data and the exports as they are")
	version := flag.String("version", "", "the version that the file names in the section "+versionSection)
	flag.Parse()
	if flag.NArg() != 2 {
		fmt.Fprintln(os.Stderr, "usage: shrink [-plain] [-version VERSION] IN OUT")
		os.Exit(2)
	}
	if err := run(flag.Arg(0), flag.Arg(1), *plain, *version); err != nil {
		fmt.Fprintln(os.Stderr, "shrink:", err)
		os.Exit(1)
	}
}

func run(in, out string, plain bool, version string) error {
	file, err := os.ReadFile(in)
	if err != nil {
		return err
	}
	if !plain {
		smaller, err := shrink(file, unused)
		switch {
		case errors.Is(err, errNoTable):
			fmt.Fprintln(os.Stderr, "shrink: left as it is:", err)
		case err != nil:
			return fmt.Errorf("%s: %w", in, err)
		default:
			file = smaller
		}
	}
	if version != "" {
		if file, err = addVersion(file, version); err != nil {
			return fmt.Errorf("%s: %w", in, err)
		}
	}
	return os.WriteFile(out, file, 0o644)
}

// shrink returns file without the exports of these names, with its functions
// written anew and with its findfunctab written by a start function.
func shrink(file []byte, unused map[string]bool) ([]byte, error) {
	m, err := parse(file)
	if err != nil {
		return nil, err
	}
	if err := m.removeExports(unused); err != nil {
		return nil, err
	}
	if err := m.replaceExports(); err != nil {
		return nil, err
	}
	memory, err := m.data()
	if err != nil {
		return nil, err
	}
	t, err := findTable(memory)
	if err != nil {
		return nil, err
	}
	clear(memory.bytes[t.first()-memory.base : t.end()-memory.base])
	if err := dropLines(memory); err != nil {
		return nil, err
	}
	if err := m.rewrite(memory); err != nil {
		return nil, err
	}
	m.setData(memory)
	if err := m.setStart(t.writer()); err != nil {
		return nil, err
	}
	return m.encode(), nil
}
