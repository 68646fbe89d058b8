package introspect

import (
	"encoding/binary"
	"math"
	"time"
)

// logInterval is the least time between two lines about one server.
const logInterval = time.Minute

// notTold is what no worker ever says: one that has just started looks at what
// the others have said.
const notTold = "?"

// A Report tells the log, once for all workers, what is wrong with the calls to
// a server.
type Report struct {
	host Host
	name string // of the value that the workers share
	what string // begins a line
	done string
	told string // what the log has been told, as far as this worker knows

	said   string // by this worker
	at     int64  // when; 0: never
	looked int64  // when it last looked what the others have said
}

// NewReport returns the Report on what of an issuer can be done or not, such as
// "tokens" and "checked".
func NewReport(host Host, issuer, what, done string) Report {
	return Report{host: host, name: "mcpauth." + done + " " + issuer, what: "issuer " + issuer + ": " + what, done: done, told: notTold}
}

// lookInterval is how often, in milliseconds, a worker looks at what the others
// have said.
const lookInterval = 1000

// Say tells the log what is wrong or, if the text is empty, that nothing is any
// more: now, or as soon as it may have another line, in [Report.Tick].
func (c *Report) Say(wrong string) {
	c.said, c.at = wrong, c.host.Now()
	if wrong != c.told {
		c.looked = 0
	}
	c.Tick()
}

// Tick tells the log what it could not be told before. The workers share a value in
// the shared data: the time of the last line, 8 bytes, and what it said. A worker
// that has said something since has the last word.
func (c *Report) Tick() {
	now := c.host.Now()
	if since := now - c.looked; c.at == 0 || since >= 0 && since < lookInterval {
		return
	}
	c.looked = now
	value, cas := c.host.Load(c.name)
	if cas == 0 {
		// No value has this number: of several workers one creates the value.
		c.host.Store(c.name, make([]byte, 8), math.MaxUint32)
		value, cas = c.host.Load(c.name)
	}
	if len(value) < 8 {
		return
	}
	last := int64(binary.LittleEndian.Uint64(value))
	if c.told = string(value[8:]); c.told == c.said || last <= now && c.at < last {
		return
	}
	if last <= now && now-last < logInterval.Milliseconds() {
		return
	}
	if !c.host.Store(c.name, append(binary.LittleEndian.AppendUint64(nil, uint64(now)), c.said...), cas) {
		c.looked = 0
		return
	}
	c.told = c.said
	if c.said == "" {
		c.host.Info(c.what + " can be " + c.done + " again")
		return
	}
	c.host.Warn(c.what + " cannot be " + c.done + ": " + c.said)
}
