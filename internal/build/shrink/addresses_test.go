package main

import (
	"bytes"
	"slices"
	"testing"
)

func TestJoinAddresses(t *testing.T) {
	get, store, end := []byte{opLocalGet, stackLocal}, []byte{opI64Store, 3, 16}, []byte{opEnd}
	address := func(distance ...byte) []byte {
		return slices.Concat(get, []byte{opI64ExtendI32U, opI64Const}, distance, []byte{opI64Add, opI32WrapI64})
	}
	value := []byte{opLocalGet, 2}
	set := []byte{opI32Const, 7, opLocalSet, 3}
	for name, test := range map[string]struct{ from, to []byte }{
		"store":                       {slices.Concat(address(8), value, store, end), slices.Concat(get, value, []byte{opI64Store, 3, 24}, end)},
		"large offset":                {slices.Concat(address(0x80, 1), value, store, end), slices.Concat(get, value, []byte{opI64Store, 3, 0x90, 1}, end)},
		"load":                        {slices.Concat(address(8), []byte{0x29, 3, 0}, end), slices.Concat(get, []byte{0x29, 3, 8}, end)},
		"load for a store":            {slices.Concat(address(8), address(16), []byte{0x29, 3, 0}, store, end), slices.Concat(get, get, []byte{0x29, 3, 16, opI64Store, 3, 24}, end)},
		"a value of two instructions": {slices.Concat(address(8), value, []byte{0x50, opI64ExtendI32U}, store, end), slices.Concat(get, value, []byte{0x50, opI64ExtendI32U, opI64Store, 3, 24}, end)},
		"below the stack":             {slices.Concat(address(0x78), value, store, end), nil}, // -8
		"far away":                    {slices.Concat(address(0x80, 0x80, 0x80, 8), value, store, end), nil},
		"another variable":            {slices.Concat([]byte{opLocalGet, 2}, address(8)[2:], value, store, end), nil},
		"something in the address":    {slices.Concat(get, []byte{opI64ExtendI32U}, set, []byte{opI64Const, 8, opI64Add, opI32WrapI64}, value, store, end), nil},
		"something behind it":         {slices.Concat(address(8), set, value, store, end), nil},
		"something behind the value":  {slices.Concat(address(8), value, set, store, end), nil},
		"a call in the value":         {slices.Concat(address(8), []byte{opCall, 5}, store, end), nil},
		"constant":                    {slices.Concat([]byte{opI64Const, 8, opI32WrapI64}, end), slices.Concat([]byte{opI32Const, 8}, end)},
		"large constant":              {slices.Concat([]byte{opI64Const, 0xff, 0xff, 0xff, 0xff, 0x0f, opI32WrapI64}, end), slices.Concat([]byte{opI32Const, 0x7f}, end)},
	} {
		if test.to == nil {
			test.to = test.from
		}
		f, err := decode(append([]byte{0}, test.from...))
		if err != nil {
			t.Fatal(err)
		}
		joinAddresses(f)
		if got := f.encode(); !bytes.Equal(got[1:], test.to) {
			t.Errorf("%s: % x, want % x", name, got[1:], test.to)
		}
	}
}
