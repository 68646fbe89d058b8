package wasmtest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
)

// rootContext is the id of a VM's plugin context; streams count on from it.
const rootContext uint32 = 1

// VM is one instance of the plugin, as each worker of a gateway has one.
type VM struct {
	host     *Host
	instance api.Module
	exports  map[string]api.Function
	ctx      context.Context
	config   string

	root        uint32   // of the configuration to which new streams come
	former      []uint32 // of those before it
	lastContext uint32
	streams     map[uint32]*Stream
	metrics     map[uint32]*metric
	lastCallout uint32
	response    *calloutResponse // while an answer is handled

	tickPeriod time.Duration
	nextTick   time.Duration // on the monotonic clock

	calls       map[string]int
	current     uint32 // context of the running callback
	effective   uint32 // set by proxy_set_effective_context; 0: none
	depth       int
	starting    bool
	configuring bool
	restricted  bool
	stop        bool // a local response was sent in the running callback
	deferred    []func()
	dead        error
}

// StartError reports that a plugin did not start. Err is nil if the plugin refused to;
// its reason is then in the log.
type StartError struct {
	Stage string // the function that failed
	Err   error
}

func (e *StartError) Error() string {
	if e.Err == nil {
		return e.Stage + " returned false"
	}
	return e.Stage + ": " + e.Err.Error()
}

func (e *StartError) Unwrap() error { return e.Err }

// StartVM starts an instance with the plugin configuration config, in the
// order of proxy-wasm-cpp-host: _initialize, proxy_on_context_create,
// proxy_on_vm_start, proxy_on_configure. The error is a [*StartError].
func (h *Host) StartVM(config string) (*VM, error) {
	vm := &VM{
		host:        h,
		exports:     map[string]api.Function{},
		config:      config,
		root:        rootContext,
		lastContext: rootContext,
		streams:     map[uint32]*Stream{},
		metrics:     map[uint32]*metric{},
		calls:       map[string]int{},
	}
	vm.ctx = context.WithValue(context.Background(), vmKey{}, vm)
	instance, err := h.module.runtime.InstantiateModule(vm.ctx, h.module.compiled,
		wazero.NewModuleConfig().WithName("").WithStartFunctions())
	if err != nil {
		return nil, &StartError{"instantiate", err}
	}
	vm.instance = instance
	h.vms = append(h.vms, vm)

	vm.starting, vm.restricted = true, true
	_, ok := vm.enter(0, "_initialize")
	vm.restricted = false
	if !ok {
		return nil, &StartError{"_initialize", vm.dead}
	}
	if !vm.has("proxy_abi_version_0_2_1") && !vm.has("proxy_abi_version_0_2_0") {
		return nil, vm.refuse("proxy_abi_version", errors.New("no ABI version 0.2 is exported"))
	}
	if _, ok := vm.enter(vm.root, "proxy_on_context_create", uint64(vm.root), 0); !ok {
		return nil, &StartError{"proxy_on_context_create", vm.dead}
	}
	if started, ok := vm.enter(vm.root, "proxy_on_vm_start", uint64(vm.root), uint64(len(h.options.VMConfiguration))); !ok || started == 0 {
		return nil, vm.refuse("proxy_on_vm_start", vm.dead)
	}
	vm.configuring = true
	configured, ok := vm.enter(vm.root, "proxy_on_configure", uint64(vm.root), uint64(len(config)))
	vm.configuring = false
	if !ok || configured == 0 {
		return nil, vm.refuse("proxy_on_configure", vm.dead)
	}
	vm.starting = false
	return vm, nil
}

func (vm *VM) refuse(stage string, err error) error {
	vm.Kill()
	return &StartError{stage, err}
}

// errKilled is the result of Dead for a VM that the test has killed.
var errKilled = errors.New("killed")

// Kill ends the VM at once and without a callback, as a gateway ends a worker. The VM's
// callouts are cancelled and its streams are lost.
func (vm *VM) Kill() { vm.die(errKilled) }

// Dead returns why the VM is dead, nil while it is alive. A guest that panics
// or traps dies, and all its requests fail.
func (vm *VM) Dead() error { return vm.dead }

func (vm *VM) die(err error) {
	if vm.dead != nil {
		return
	}
	vm.dead = err
	vm.tickPeriod = 0
	vm.deferred = nil
	vm.host.callouts = slices.DeleteFunc(vm.host.callouts, func(c *Callout) bool { return c.VM == vm })
	vm.instance.Close(vm.ctx)
}

// MemorySize returns the size of the guest's memory in bytes; it never shrinks.
func (vm *VM) MemorySize() int {
	if vm.dead != nil {
		return 0
	}
	return int(vm.instance.Memory().Size())
}

// Calls returns how often the guest has called each function of the host.
func (vm *VM) Calls() map[string]int { return maps.Clone(vm.calls) }

// TickPeriod returns the period that the guest asked for, 0 for no ticks.
func (vm *VM) TickPeriod() time.Duration { return vm.tickPeriod }

// Tick calls the guest's timer once, whatever the clock's time. It does nothing
// if the guest has asked for no ticks, or is dead.
func (vm *VM) Tick() {
	if vm.dead == nil && vm.tickPeriod > 0 {
		vm.nextTick = vm.host.clock.monotonic + vm.tickPeriod
		vm.enter(vm.root, "proxy_on_tick", uint64(vm.root))
	}
}

// Run lets time pass: it advances the clocks by d and ticks every VM at its
// period, each time before calling then, if not nil. A callout that then does
// not answer stays pending.
func (h *Host) Run(d time.Duration, then func()) {
	end := h.clock.monotonic + d
	for {
		var next *VM
		for _, vm := range h.vms {
			if vm.tickPeriod > 0 && (next == nil || vm.nextTick < next.nextTick) {
				next = vm
			}
		}
		if next == nil || next.nextTick > end {
			break
		}
		if wait := next.nextTick - h.clock.monotonic; wait > 0 {
			h.clock.Advance(wait)
		}
		next.Tick()
		if then != nil {
			then()
		}
	}
	if rest := end - h.clock.monotonic; rest > 0 {
		h.clock.Advance(rest)
	}
}

func (vm *VM) proxySetTickPeriod(a args) Status {
	vm.tickPeriod = time.Duration(a.u32(0)) * time.Millisecond
	vm.nextTick = vm.host.clock.monotonic + vm.tickPeriod
	return OK
}

func (vm *VM) has(export string) bool { return vm.function(export) != nil }

func (vm *VM) function(export string) api.Function {
	f, ok := vm.exports[export]
	if !ok {
		f = vm.instance.ExportedFunction(export)
		vm.exports[export] = f
	}
	return f
}

// enter calls an export of the guest on behalf of a context and then does what
// the guest has asked for meanwhile (DeferAfterCallActions in context.cc). A
// callback that the guest does not export succeeds with 1. ok is false if the
// VM is dead or dies.
func (vm *VM) enter(id uint32, export string, params ...uint64) (result uint64, ok bool) {
	if vm.dead != nil {
		return 0, false
	}
	f := vm.function(export)
	if f == nil {
		return 1, true
	}
	current, effective := vm.current, vm.effective
	vm.current, vm.effective = id, 0
	vm.depth++
	results, err := f.Call(vm.ctx, params...)
	vm.depth--
	vm.current, vm.effective = current, effective
	if err != nil {
		vm.die(fmt.Errorf("%s: %w", export, err))
		return 0, false
	}
	if len(results) > 0 {
		result = uint64(uint32(results[0]))
	}
	for vm.depth == 0 && len(vm.deferred) > 0 {
		action := vm.deferred[0]
		vm.deferred = vm.deferred[1:]
		action()
	}
	return result, vm.dead == nil
}

// allocate asks the guest for size bytes (allocMemory in wasm.h).
func (vm *VM) allocate(size int) (address uint32, err error) {
	f := vm.function("malloc")
	if f == nil {
		f = vm.function("proxy_on_memory_allocate")
	}
	if f == nil {
		return 0, errors.New("the module exports no malloc")
	}
	effective, restricted := vm.effective, vm.restricted
	vm.effective, vm.restricted = 0, true
	results, err := f.Call(vm.ctx, uint64(size))
	vm.effective, vm.restricted = effective, restricted
	if err != nil {
		return 0, err
	}
	if results[0] == 0 {
		return 0, errors.New("the guest's malloc returned no memory")
	}
	return uint32(results[0]), nil
}

// stream returns the stream that host calls act on, nil in the root context.
func (vm *VM) stream() *Stream {
	if s := vm.streams[vm.effective]; s != nil {
		return s
	}
	if vm.isRoot(vm.effective) {
		return nil
	}
	return vm.streams[vm.current]
}

func (vm *VM) isRoot(id uint32) bool { return id == vm.root || slices.Contains(vm.former, id) }

// plugin returns the plugin context that calls the host outside of streams.
func (vm *VM) plugin() uint32 {
	for _, id := range []uint32{vm.effective, vm.current} {
		if vm.isRoot(id) {
			return id
		}
	}
	return vm.root
}

func (vm *VM) proxySetEffectiveContext(a args) Status {
	id := a.u32(0)
	if id != 0 && !vm.isRoot(id) && vm.streams[id] == nil {
		return BadArgument
	}
	vm.effective = id
	return OK
}
