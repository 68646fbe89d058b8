package wasmtest

import "strings"

// LogLevel is a severity of the ABI.
type LogLevel uint32

// The severities, from the least to the most severe.
const (
	LogTrace LogLevel = iota
	LogDebug
	LogInfo
	LogWarn
	LogError
	LogCritical
)

// LogLine is one message of a guest.
type LogLine struct {
	VM      *VM
	Level   LogLevel
	Message string
	// Stdio means that the message was written to standard output (LogInfo)
	// or standard error (LogError), where Go's runtime reports a crash.
	Stdio bool
}

// Logs returns all messages so far.
func (h *Host) Logs() []LogLine { return h.logs }

// LogText returns all messages so far as one text: a line per message, and
// what was written to standard output and error as it was written.
func (h *Host) LogText() string {
	var text strings.Builder
	for _, l := range h.logs {
		text.WriteString(l.Message)
		if !l.Stdio {
			text.WriteByte('\n')
		}
	}
	return text.String()
}

// ForgetLogs drops the messages so far.
func (h *Host) ForgetLogs() { h.logs = nil }

func (vm *VM) proxyLog(a args) Status {
	level := LogLevel(a.u32(0))
	message, ok := vm.read(a.u32(1), a.u32(2))
	switch {
	case level > LogCritical:
		return BadArgument
	case !ok:
		return InvalidMemoryAccess
	}
	vm.host.logs = append(vm.host.logs, LogLine{VM: vm, Level: level, Message: string(message)})
	return OK
}

func (vm *VM) proxyGetLogLevel(a args) Status { return vm.writeU32(a.u32(0), uint32(LogTrace)) }
