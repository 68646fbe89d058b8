package wasmtest

import (
	"crypto/rand"
	"fmt"
	"slices"
	"strings"
)

// The errors of WASI preview 1 that Envoy's functions return.
const (
	wasiOK     Status = 0
	wasiBadf   Status = 8
	wasiInval  Status = 28
	wasiNosys  Status = 52
	wasiNotsup Status = 58
)

// wasiFunctions are the only WASI functions that every Envoy in use offers to
// a guest; a module that imports another one does not load there, nor here.
var wasiFunctions = []hostFunction{
	{name: "args_get", signature: "ii", call: succeed, restricted: true},
	{name: "args_sizes_get", signature: "ii", call: noStrings, restricted: true},
	{name: "clock_time_get", signature: "iIi", call: (*VM).clockTimeGet, restricted: true},
	{name: "environ_get", signature: "ii", call: (*VM).environGet, restricted: true},
	{name: "environ_sizes_get", signature: "ii", call: (*VM).environSizesGet, restricted: true},
	{name: "fd_close", signature: "i", call: succeed},
	{name: "fd_fdstat_get", signature: "ii", call: (*VM).fdFdstatGet, restricted: true},
	{name: "fd_fdstat_set_flags", signature: "ii", call: returning(wasiNosys), restricted: true},
	{name: "fd_prestat_dir_name", signature: "iii", call: returning(wasiNosys), restricted: true},
	{name: "fd_prestat_get", signature: "ii", call: returning(wasiBadf), restricted: true},
	{name: "fd_write", signature: "iiii", call: (*VM).fdWrite, restricted: true},
	{name: "poll_oneoff", signature: "iiii", call: (*VM).pollOneoff, restricted: true},
	{name: "proc_exit", signature: "i", call: (*VM).procExit, restricted: true, noResult: true},
	{name: "random_get", signature: "ii", call: (*VM).randomGet, restricted: true},
	{name: "sched_yield", signature: "", call: succeed, restricted: true},
}

func succeed(*VM, args) Status { return wasiOK }

func returning(s Status) func(*VM, args) Status { return func(*VM, args) Status { return s } }

// noStrings answers the size function of arguments: no strings, no bytes.
func noStrings(vm *VM, a args) Status {
	vm.writeU32(a.u32(0), 0)
	return vm.writeU32(a.u32(1), 0)
}

// environment returns the variables in the form NAME=VALUE, each with a NUL.
func (vm *VM) environment() (list []string) {
	for name, value := range vm.host.options.Environment {
		list = append(list, name+"="+value+"\x00")
	}
	slices.Sort(list)
	return list
}

func (vm *VM) environSizesGet(a args) Status {
	list := vm.environment()
	vm.writeU32(a.u32(0), uint32(len(list)))
	return vm.writeU32(a.u32(1), uint32(len(strings.Join(list, ""))))
}

func (vm *VM) environGet(a args) Status {
	at := a.u32(1)
	for i, text := range vm.environment() {
		vm.writeU32(a.u32(0)+4*uint32(i), at)
		buffer, ok := vm.read(at, uint32(len(text)))
		if !ok {
			return 21 // EFAULT
		}
		copy(buffer, text)
		at += uint32(len(text))
	}
	return wasiOK
}

func (vm *VM) clockTimeGet(a args) Status {
	clock := &vm.host.clock
	switch a.u32(0) {
	case 0:
		return vm.writeU64(a.u32(2), uint64(clock.wall.UnixNano()))
	case 1:
		return vm.writeU64(a.u32(2), uint64(clock.readMonotonic()))
	}
	return wasiNotsup
}

// fdFdstatGet says that standard output and error can be written to.
func (vm *VM) fdFdstatGet(a args) Status {
	if fd := a.u32(0); fd != 1 && fd != 2 {
		return wasiBadf
	}
	const rightsFDWrite = 64
	vm.writeU64(a.u32(1), 0)
	vm.writeU64(a.u32(1)+8, rightsFDWrite)
	return vm.writeU64(a.u32(1)+16, 0)
}

// fdWrite turns standard output and error into log lines.
func (vm *VM) fdWrite(a args) Status {
	level := LogInfo
	switch a.u32(0) {
	case 1:
	case 2:
		level = LogError
	default:
		return wasiBadf
	}
	var text []byte
	for i := uint32(0); i < a.u32(2); i++ {
		at, ok := vm.instance.Memory().ReadUint32Le(a.u32(1) + 8*i)
		size, ok2 := vm.instance.Memory().ReadUint32Le(a.u32(1) + 8*i + 4)
		part, ok3 := vm.read(at, size)
		if !ok || !ok2 || !ok3 {
			return 21 // EFAULT
		}
		text = append(text, part...)
	}
	if len(text) > 0 {
		vm.host.logs = append(vm.host.logs, LogLine{VM: vm, Level: level, Message: string(text), Stdio: true})
	}
	return vm.writeU32(a.u32(3), uint32(len(text)))
}

func (vm *VM) pollOneoff(a args) Status {
	if !vm.host.options.PollOneoffWorks {
		return wasiNosys
	}
	return vm.writeU32(a.u32(3), 0)
}

// procExit ends the VM. Go's runtime calls it after a panic.
func (vm *VM) procExit(a args) Status { panic(fmt.Errorf("proc_exit(%d)", a.u32(0))) }

func (vm *VM) randomGet(a args) Status {
	const limit = 64 << 10 // PROXY_WASM_HOST_WASI_RANDOM_GET_MAX_SIZE_BYTES
	if a.u32(1) > limit {
		return wasiInval
	}
	buffer, ok := vm.read(a.u32(0), a.u32(1))
	if !ok {
		return 21 // EFAULT
	}
	rand.Read(buffer)
	return wasiOK
}
