package wasmtest

// The kinds of metrics, and the last two bits of a metric's id (Envoy's
// Wasm::kMetricTypeMask).
const (
	metricCounter   = 0
	metricGauge     = 1
	metricHistogram = 2
	metricTypeMask  = 3
)

// metric is one time series of the process: VMs that define the same name
// share it.
type metric struct {
	value   int64
	samples []uint64
}

// Counter returns the value of a counter, 0 if no guest has defined it.
func (h *Host) Counter(name string) uint64 { return uint64(h.metric(metricCounter, name).value) }

// Gauge returns the value of a gauge, 0 if no guest has defined it.
func (h *Host) Gauge(name string) int64 { return h.metric(metricGauge, name).value }

// Histogram returns the recorded samples of a histogram.
func (h *Host) Histogram(name string) []uint64 { return h.metric(metricHistogram, name).samples }

// MetricNames returns the names that guests have defined, in that order.
func (h *Host) MetricNames() []string { return h.metricNames }

type metricKey struct {
	kind uint32
	name string
}

func (h *Host) metric(kind uint32, name string) *metric {
	if m := h.metrics[metricKey{kind, name}]; m != nil {
		return m
	}
	return &metric{}
}

func (vm *VM) proxyDefineMetric(a args) Status {
	kind := a.u32(0)
	name, ok := vm.read(a.u32(1), a.u32(2))
	if !ok {
		return InvalidMemoryAccess
	}
	if kind > metricHistogram {
		return BadArgument
	}
	key := metricKey{kind, string(name)}
	if vm.host.metrics[key] == nil {
		vm.host.metrics[key] = &metric{}
		vm.host.metricNames = append(vm.host.metricNames, key.name)
	}
	id := uint32(len(vm.metrics)+1)<<2 | kind
	vm.metrics[id] = vm.host.metrics[key]
	return vm.writeU32(a.u32(3), id)
}

func (vm *VM) proxyIncrementMetric(a args) Status {
	id, offset := a.u32(0), int64(a[1])
	if id&metricTypeMask == metricHistogram {
		return BadArgument
	}
	m := vm.metrics[id]
	if m == nil {
		return NotFound
	}
	if id&metricTypeMask == metricCounter && offset <= 0 {
		return BadArgument
	}
	m.value += offset
	return OK
}

func (vm *VM) proxyRecordMetric(a args) Status {
	id := a.u32(0)
	m := vm.metrics[id]
	if m == nil {
		return NotFound
	}
	switch id & metricTypeMask {
	case metricCounter:
		m.value += int64(a[1])
	case metricGauge:
		m.value = int64(a[1])
	case metricHistogram:
		m.samples = append(m.samples, a[1])
	}
	return OK
}

func (vm *VM) proxyGetMetric(a args) Status {
	id := a.u32(0)
	if id&metricTypeMask == metricHistogram {
		return BadArgument
	}
	m := vm.metrics[id]
	if m == nil {
		return NotFound
	}
	return vm.writeU64(a.u32(1), uint64(m.value))
}
