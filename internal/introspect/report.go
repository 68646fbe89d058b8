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

// say tells the log, once for all workers, what is wrong, or, if the text is
// empty, that nothing is any more. The workers share a value in the shared data:
// the time of the last line, 8 bytes, and what it said.
func (c *Checker) say(wrong string) {
	if wrong == c.told {
		return
	}
	name := "mcpauth.introspection " + c.server.Issuer
	value, cas := c.host.Load(name)
	if cas == 0 {
		// No value has this number: of several workers one creates the value.
		c.host.Store(name, make([]byte, 8), math.MaxUint32)
		value, cas = c.host.Load(name)
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
	if !c.host.Store(name, append(binary.LittleEndian.AppendUint64(nil, uint64(now)), wrong...), cas) {
		return
	}
	c.told = wrong
	about := "issuer " + c.server.Issuer + ": tokens "
	if wrong == "" {
		c.host.Info(about + "can be checked again")
		return
	}
	c.host.Warn(about + "cannot be checked: " + wrong)
}
