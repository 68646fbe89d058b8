package jsontext

import "strings"

// A Decimal is the exact value of a JSON number. Two texts of one value, such as 1, 1.0
// and 10e-1, have equal Decimals.
type Decimal struct {
	// The value is digits, an integer that neither begins nor ends with a zero, times
	// 10^exponent. Zero has no digits.
	negative bool
	digits   string
	exponent int
}

// Digits returns the digits of n without zeros at the ends. Equal Decimals have the same.
func (n Decimal) Digits() string { return n.digits }

// maxExponent bounds the exponents that ParseDecimal reads.
const maxExponent = 1_000_000

// ParseDecimal returns the value of text, which must be a JSON number (RFC 8259, section
// 6). It returns false for an exponent beyond a million. The Decimal may share memory with
// text.
func ParseDecimal(text string) (n Decimal, ok bool) {
	if text, n.negative = strings.CutPrefix(text, "-"); text == "" {
		return Decimal{}, false
	}
	mantissa := text
	if i := strings.IndexAny(text, "eE"); i >= 0 {
		mantissa = text[:i]
		if n.exponent, ok = parseExponent(text[i+1:]); !ok {
			return Decimal{}, false
		}
	}
	whole, fraction, _ := strings.Cut(mantissa, ".")
	fraction = strings.TrimRight(fraction, "0")
	n.exponent -= len(fraction)
	digits := strings.TrimLeft(whole+fraction, "0")
	n.digits = strings.TrimRight(digits, "0")
	if n.digits == "" {
		return Decimal{}, true
	}
	n.exponent += len(digits) - len(n.digits)
	return n, true
}

// parseExponent reads an optional sign and digits.
func parseExponent(text string) (n int, ok bool) {
	text, negative := strings.CutPrefix(text, "-")
	text = strings.TrimPrefix(text, "+")
	for i := 0; i < len(text); i++ {
		if n = n*10 + int(text[i]-'0'); n > maxExponent {
			return 0, false
		}
	}
	if negative {
		n = -n
	}
	return n, true
}
