package oracle

// choices turns bytes into decisions, one byte into each. After the last byte come zeros, for
// which each decision is the usual one: a short input is a good request.
type choices struct{ data []byte }

// below returns a number from 0 to n-1.
func (c *choices) below(n int) int {
	if len(c.data) == 0 {
		return 0
	}
	b := c.data[0]
	c.data = c.data[1:]
	return int(b) % n
}

// once returns true for one of n values of a byte, and never for zero.
func (c *choices) once(n int) bool { return c.below(n) == n-1 }

// pick returns one of list, in three of four cases the first.
func pick[T any](c *choices, list ...T) T {
	if c.below(4) < 3 {
		return list[0]
	}
	return list[c.below(len(list))]
}

// anyOf returns one of list, each as likely as the others.
func anyOf[T any](c *choices, list ...T) T { return list[c.below(len(list))] }
