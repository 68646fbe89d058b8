package introspect

import (
	"encoding/binary"
	"math"
	"strconv"
	"time"
)

// logInterval is the least time between two lines about one server.
const logInterval = time.Minute

// report is what the log has been told about a server. The workers of a process
// share it as a value of the shared data: the time of the last line, 8 bytes,
// and what is wrong.
type report struct {
	name string // of the value
	told string // what is wrong, as far as this worker knows; empty if nothing is
}

// notTold is what no worker ever says: one that has just started looks at what
// the others have said.
const notTold = "?"

func newReport(issuer string) report {
	return report{"mcpauth.introspection " + strconv.Quote(issuer), notTold}
}

// say tells the log, once for all workers, that something is wrong, or, if the
// text is empty, that nothing is any more.
func (c *Checker) say(wrong string) {
	r := &c.report
	if wrong == r.told {
		return
	}
	value, cas := c.host.Load(r.name)
	if cas == 0 {
		// No value has this number: of several workers one creates the value.
		c.host.Store(r.name, make([]byte, 8), math.MaxUint32)
		value, cas = c.host.Load(r.name)
	}
	if len(value) < 8 {
		value = make([]byte, 8)
	}
	now := c.host.Now()
	since := now - int64(binary.LittleEndian.Uint64(value))
	switch {
	case string(value[8:]) == wrong:
		r.told = wrong
		return
	case since >= 0 && since < logInterval.Milliseconds():
		return
	}
	if !c.host.Store(r.name, append(binary.LittleEndian.AppendUint64(nil, uint64(now)), wrong...), cas) {
		return
	}
	r.told = wrong
	about := "issuer " + c.server.Issuer + ": tokens "
	if wrong == "" {
		c.host.Info(about + "can be checked again")
		return
	}
	c.host.Warn(about + "cannot be checked: " + wrong)
}
