package introspect

import (
	"encoding/binary"
	"math"
	"time"
)

// logInterval is the least time between two lines about one server.
const logInterval = time.Minute

// A Report tells the log, once for all workers, what is wrong with the calls to
// a server, and when nothing is any more.
type Report struct {
	host Host
	name string // of the value that the workers share
	what string // begins a line
	done string

	late bool   // text could not be told, since the last line was too near
	text string // what was seen last, at the time seen
	seen int64
}

// NewReport returns the Report on what of an issuer can be done or not, such as
// "tokens" and "checked".
func NewReport(host Host, issuer, what, done string) Report {
	return Report{host: host, name: "mcpauth." + done + " " + issuer, what: "issuer " + issuer + ": " + what, done: done}
}

// Say tells the log what is wrong or, if the text is empty, that nothing is any
// more. The workers share a value in the shared data: the time of the last line,
// 8 bytes, and what it said. What comes too early for a line of its own is told by
// Tick, if it still holds then.
func (c *Report) Say(wrong string) {
	c.text, c.seen = wrong, c.host.Now()
	c.tell()
}

// Tick tells what could not be told before.
func (c *Report) Tick() {
	if c.late {
		c.tell()
	}
}

func (c *Report) tell() {
	c.late = false
	last, said, cas := load(c.host, c.name)
	now := c.host.Now()
	since := now - last
	switch {
	case cas == 0 || said == c.text:
		return
	case last > c.seen && since >= 0: // another worker has seen more
		return
	case since >= 0 && since < logInterval.Milliseconds():
		c.late = true
		return
	}
	if !store(c.host, c.name, now, c.text, cas) {
		c.late = true
		return
	}
	if c.text == "" {
		c.host.Info(c.what + " can be " + c.done + " again")
		return
	}
	c.host.Warn(c.what + " cannot be " + c.done + ": " + c.text)
}

// load returns a time and a text that the workers share; cas is 0 if that is not
// possible.
func load(host Host, name string) (last int64, text string, cas uint32) {
	value, cas := host.Load(name)
	if cas == 0 {
		// No value has this number: of several workers one creates the value.
		host.Store(name, make([]byte, 8), math.MaxUint32)
		value, cas = host.Load(name)
	}
	if len(value) < 8 {
		return 0, "", 0
	}
	return int64(binary.LittleEndian.Uint64(value)), string(value[8:]), cas
}

func store(host Host, name string, now int64, text string, cas uint32) bool {
	return host.Store(name, append(binary.LittleEndian.AppendUint64(nil, uint64(now)), text...), cas)
}

// A Notice tells the log about single requests, in one line a minute for all
// workers.
type Notice struct {
	host Host
	name string // of the value that the workers share
	what string // begins a line
	next int64  // no line before, as far as this worker knows
}

// NewNotice returns a Notice about an issuer. The kind tells the notices about it
// apart.
func NewNotice(host Host, issuer, kind string) Notice {
	return Notice{host: host, name: "mcpauth." + kind + " " + issuer, what: "issuer " + issuer + ": "}
}

// Say tells the log about a request, unless there was a line in the last minute.
func (n *Notice) Say(line string) {
	now, interval := n.host.Now(), logInterval.Milliseconds()
	if wait := n.next - now; wait > 0 && wait <= interval {
		return
	}
	last, _, cas := load(n.host, n.name)
	if since := now - last; cas == 0 || since >= 0 && since < interval {
		n.next = last + interval
		return
	}
	if store(n.host, n.name, now, "", cas) {
		n.next = now + interval
		n.host.Info(n.what + line)
	}
}
