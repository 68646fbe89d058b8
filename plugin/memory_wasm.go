package main

// maxLoan bounds the memory that is kept for the next request; a larger header
// map gets memory of its own.
const maxLoan = 64 << 10

// loan is memory that the host is lent for one answer, over and over: header
// maps have about two kilobytes, more than all else that a request costs.
var loan struct {
	open bool // the next answer goes here
	kept []byte
	held []byte // what was given for it
}

// malloc gives the host memory for an answer. Hosts look for it before the
// SDK's proxy_on_memory_allocate, which cannot lend any and panics at size 0.
//
//go:wasmexport malloc
func malloc(size uint32) *byte {
	n := max(int(size), 1)
	if !loan.open {
		return &make([]byte, n)[0]
	}
	loan.open = false
	switch {
	case n > maxLoan:
		loan.held = make([]byte, n)
	case n > len(loan.kept):
		loan.kept = make([]byte, min(max(n, 2*len(loan.kept)), maxLoan))
		fallthrough
	default:
		loan.held = loan.kept[:n]
	}
	return &loan.held[0]
}

// lend begins a loan for the host's next answer.
func lend() { loan.open, loan.held = true, nil }

// lent ends the loan and returns the answer, of size bytes. It is valid until
// the next loan.
func lent(size uint32) (answer []byte, ok bool) {
	loan.open = false
	if uint64(size) > uint64(len(loan.held)) {
		return nil, false
	}
	return loan.held[:size], true
}
