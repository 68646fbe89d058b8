package gate

// A nameMask is a set of header names that may have others too: it has every name of the
// same length that has letters of the same kind at one place. A request has some twenty
// headers, and the gate looks closer at those in its masks only.
//
// A mask that has a name has every name that some server takes for it, in which other
// characters than letters and digits stand for "-".
type nameMask [64]uint64

// bit returns the bit of a name, which is not empty, in the word of its length. It looks at
// the first character, and at the third of the many names that begin with "x-".
func (m *nameMask) bit(name string) (word *uint64, bit uint64) {
	c, x := name[0], uint64(0)
	if c|0x20 == 'x' && len(name) > 2 {
		c, x = name[2], 32
	}
	kind := uint64(27) // neither a letter nor a digit
	switch lower := c | 0x20; {
	case 'a' <= lower && lower <= 'z':
		kind = uint64(lower - 'a')
	case '0' <= c && c <= '9':
		kind = 26
	}
	return &m[min(len(name), len(m)-1)], 1 << (kind + x)
}

func (m *nameMask) add(name string) {
	word, bit := m.bit(name)
	*word |= bit
}

// addPrefix adds all names that begin with prefix, which is longer than two bytes.
func (m *nameMask) addPrefix(prefix string) {
	_, bit := m.bit(prefix)
	for n := min(len(prefix), len(m)-1); n < len(m); n++ {
		m[n] |= bit
	}
}

func (m *nameMask) has(name string) bool {
	if name == "" {
		return false
	}
	word, bit := m.bit(name)
	return *word&bit != 0
}
