package jsontext

import (
	"encoding/json"
	"math/big"
	"strings"
	"testing"
)

func TestParseDecimal(t *testing.T) {
	for _, same := range [][]string{
		{"0", "-0", "0.0", "-0.000", "0e9", "0E-7", "0e+12"},
		{"1", "1.0", "1e0", "1E+0", "1e-0", "10e-1", "0.1e1", "0.01E2", "100e-002", "1.000"},
		{"-1", "-1.0", "-10e-1"},
		{"1.5", "15e-1", "0.15e1", "1.50"},
		{"100", "1e2", "1.0e2", "100.0"},
		{"10.5", "105e-1", "10.50"},
		{"9007199254740993", "9007199254740993.0", "9.007199254740993e15"}, // no float64 has this value
		{"9007199254740992"},
		{"18446744073709551617"},
		{"1" + strings.Repeat("0", 400), "1e400"},
		{"1e1000000"}, {"1e-1000000"}, {"1e999999"},
		{"0.1"}, {"0.10000000000000001"}, {"1e-3", "0.001"}, {"0.0010203", "10203e-7"},
	} {
		first, ok := ParseDecimal(same[0])
		if !ok {
			t.Errorf("%s is no number", same[0])
		}
		for _, text := range same {
			if n, ok := ParseDecimal(text); !ok || n != first {
				t.Errorf("%s = %v, %v; %s = %v", text, n, ok, same[0], first)
			}
			if n, ok := ParseDecimal("-" + strings.TrimPrefix(text, "-")); ok && first != (Decimal{}) && (n == first) != (text[0] == '-') {
				t.Errorf("-%s equals %s", text, same[0])
			}
		}
	}
	seen := map[Decimal]string{}
	for _, text := range []string{"0", "1", "-1", "1.5", "15", "100", "10.5", "105", "9007199254740993", "9007199254740992", "18446744073709551617", "1e400", "1e401", "0.1", "0.10000000000000001"} {
		n, _ := ParseDecimal(text)
		if other, twice := seen[n]; twice {
			t.Errorf("%s equals %s", text, other)
		}
		seen[n] = text
	}
	for _, text := range []string{"1e1000001", "1e-1000001", "1E99999999999999999999", "-"} {
		if n, ok := ParseDecimal(text); ok {
			t.Errorf("%s = %v", text, n)
		}
	}
}

func FuzzParseDecimal(f *testing.F) {
	f.Add("1.0", "10e-1")
	f.Add("-0.00", "0")
	f.Add("9007199254740993", "9007199254740992")
	f.Fuzz(func(t *testing.T, a, b string) {
		number := func(s string) (*big.Rat, bool) {
			if len(s) > 40 || s != strings.TrimSpace(s) || !json.Valid([]byte(s)) || strings.Trim(s, "0123456789+-.eE") != "" {
				return nil, false
			}
			if i := strings.IndexAny(s, "eE"); i >= 0 && len(s)-i > 5 {
				return nil, false // too large for a Rat
			}
			return new(big.Rat).SetString(s)
		}
		x, ok1 := number(a)
		y, ok2 := number(b)
		if !ok1 || !ok2 {
			return
		}
		m, ok1 := ParseDecimal(a)
		n, ok2 := ParseDecimal(b)
		if !ok1 || !ok2 || (m == n) != (x.Cmp(y) == 0) {
			t.Errorf("%s = %v, %v; %s = %v, %v", a, m, ok1, b, n, ok2)
		}
	})
}
