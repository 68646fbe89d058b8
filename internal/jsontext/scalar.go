package jsontext

// scalar reads a literal name or a number that begins with c: RFC 8259, sections 3
// and 6.
func (r *Reader) scalar(c byte) bool {
	switch c {
	case 't':
		return r.literal("true")
	case 'f':
		return r.literal("false")
	case 'n':
		return r.literal("null")
	}
	return r.number() || r.fail(Unexpected)
}

func (r *Reader) literal(name string) bool {
	end := r.pos + len(name)
	if end > len(r.text) || r.text[r.pos:end] != name {
		return r.fail(Unexpected)
	}
	r.pos = end
	return true
}

// number reads a number as far as it is one.
func (r *Reader) number() bool {
	r.accept('-')
	if !r.accept('0') && !r.digits() {
		return false
	}
	if r.accept('.') && !r.digits() {
		return false
	}
	if r.accept('e') || r.accept('E') {
		if !r.accept('-') {
			r.accept('+')
		}
		return r.digits()
	}
	return true
}

// digits reads one digit or more.
func (r *Reader) digits() bool {
	start := r.pos
	for r.pos < len(r.text) && isDigit(r.text[r.pos]) {
		r.pos++
	}
	return r.pos > start
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }
