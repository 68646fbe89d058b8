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
	told string // what the log has been told
}

// NewReport returns the Report on what of an issuer can be done or not, such as
// "tokens" and "checked".
func NewReport(host Host, issuer, what, done string) Report {
	return Report{host, "mcpauth." + done + " " + issuer, "issuer " + issuer + ": " + what, done, notTold}
}

// Say tells the log what is wrong or, if the text is empty, that nothing is any
// more. The workers share a value in the shared data: the time of the last line,
// 8 bytes, and what it said.
func (c *Report) Say(wrong string) {
	if wrong == c.told {
		return
	}
	value, cas := c.host.Load(c.name)
	if cas == 0 {
		// No value has this number: of several workers one creates the value.
		c.host.Store(c.name, make([]byte, 8), math.MaxUint32)
		value, cas = c.host.Load(c.name)
	}
	if len(value) < 8 {
		return
	}
	if string(value[8:]) == wrong {
		c.told = wrong
		return
	}
	now := c.host.Now()
	since := now - int64(binary.LittleEndian.Uint64(value))
	if since >= 0 && since < logInterval.Milliseconds() {
		return
	}
	if !c.host.Store(c.name, append(binary.LittleEndian.AppendUint64(nil, uint64(now)), wrong...), cas) {
		return
	}
	c.told = wrong
	if wrong == "" {
		c.host.Info(c.what + " can be " + c.done + " again")
		return
	}
	c.host.Warn(c.what + " cannot be " + c.done + ": " + wrong)
}
