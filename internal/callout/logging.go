package callout

import (
	"encoding/binary"
	"math"
	"time"
)

// logInterval is the least time between two log lines on one matter, for all
// workers together.
const logInterval = time.Minute

// A StateLog logs when a kind of callout begins to fail, and when it works again,
// with one line for all workers.
//
// The workers share the last line and its time. A change that follows too soon
// waits in the StateLog; [StateLog.Tick] writes it, if it still holds then.
type StateLog struct {
	host    Host
	name    string // of the shared value
	subject string // begins a line
	done    string

	pending bool   // Tick is to write a line about problem
	problem string // of the last callout, at the time seen; empty for none
	seen    UnixMilli
}

// NewStateLog returns the StateLog of an issuer with lines such as "tokens cannot be
// checked" and "tokens can be checked again", for the subject "tokens" and done
// "checked".
func NewStateLog(host Host, issuer, subject, done string) StateLog {
	return StateLog{host: host, name: "mcpauth." + done + " " + issuer, subject: "issuer " + issuer + ": " + subject, done: done}
}

// Set takes the problem of a callout, empty if it succeeded.
func (l *StateLog) Set(problem string) {
	l.problem, l.seen = problem, l.host.Now()
	l.write()
}

// Tick writes the line that came too soon after another, if there is one.
func (l *StateLog) Tick() {
	if l.pending {
		l.write()
	}
}

func (l *StateLog) write() {
	l.pending = false
	last, logged, cas := loadLine(l.host, l.name)
	now := l.host.Now()
	switch {
	case cas == 0 || logged == l.problem:
		return
	case last > l.seen && last <= now: // another worker has seen a newer state
		return
	case last.Within(logInterval, now):
		l.pending = true
		return
	}
	if !storeLine(l.host, l.name, now, l.problem, cas) {
		l.pending = true
		return
	}
	if l.problem == "" {
		l.host.Info(l.subject + " can be " + l.done + " again")
		return
	}
	l.host.Warn(l.subject + " cannot be " + l.done + ": " + l.problem)
}

// An EventLog logs events of one kind, with at most one line a minute for all workers.
type EventLog struct {
	host   Host
	name   string // of the shared value
	prefix string
	next   UnixMilli // when the next line may come, as far as this worker knows
}

// NewEventLog returns an EventLog of an issuer. The kind distinguishes the EventLogs
// of one issuer.
func NewEventLog(host Host, issuer, kind string) EventLog {
	return EventLog{host: host, name: "mcpauth." + kind + " " + issuer, prefix: "issuer " + issuer + ": "}
}

// Log writes a line, unless there was one in the last minute.
func (l *EventLog) Log(line string) {
	now := l.host.Now()
	if wait := l.next.Sub(now); wait > 0 && wait <= logInterval {
		return
	}
	last, _, cas := loadLine(l.host, l.name)
	if cas == 0 || last.Within(logInterval, now) {
		l.next = last.Add(logInterval)
		return
	}
	if storeLine(l.host, l.name, now, "", cas) {
		l.next = now.Add(logInterval)
		l.host.Info(l.prefix + line)
	}
}

// loadLine returns the time and the text of the last line, which the workers share:
// eight bytes and the text. cas is 0 if the host shares no values.
func loadLine(host Host, name string) (last UnixMilli, text string, cas uint32) {
	value, cas := LoadOrCreate(host, name, make([]byte, 8))
	if len(value) < 8 {
		return 0, "", 0
	}
	return UnixMilli(binary.LittleEndian.Uint64(value)), string(value[8:]), cas
}

func storeLine(host Host, name string, now UnixMilli, text string, cas uint32) bool {
	return host.Store(name, append(binary.LittleEndian.AppendUint64(nil, uint64(now)), text...), cas)
}

// LoadOrCreate loads a shared value and first creates it if there is none. A
// compare-and-swap is safe only on a value that exists: the host lets any first
// write through. cas is 0 if the host shares no values.
func LoadOrCreate(data Shared, name string, initial []byte) (value []byte, cas uint32) {
	if value, cas = data.Load(name); cas == 0 {
		// No value has this number: only one worker creates the value, and Store
		// fails in the others.
		data.Store(name, initial, math.MaxUint32)
		value, cas = data.Load(name)
	}
	return value, cas
}

// A LogBudget limits the lines of a log to a few at once, and then one a minute, so
// that a server that is up and down in turns does not fill the log. Each line takes a
// minute; the value is the time when all lines so far are paid for. The zero LogBudget
// is unused.
type LogBudget UnixMilli

const logBurst = 5 // lines that a LogBudget allows at once

// Take reports whether the log may have one more line, and counts it.
func (b *LogBudget) Take(now UnixMilli) bool {
	used := max(UnixMilli(*b).Sub(now), 0)
	if used > logBurst*logInterval { // the clock went back
		used = 0
	}
	if used > (logBurst-1)*logInterval {
		return false
	}
	*b = LogBudget(now.Add(used + logInterval))
	return true
}
