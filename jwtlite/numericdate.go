package jwtlite

import "time"

// maxDate is the last second of the year 9999, the largest date that RFC 3339
// can write.
const maxDate = 253402300799

// maxDateExponent limits the exponent of a NumericDate. No date up to maxDate needs a
// larger one.
const maxDateExponent = 32

// NumericDate is a date as RFC 7519, section 2 defines it: the seconds since 1970 in
// UTC, possibly with a fraction, up to the end of the year 9999. The zero NumericDate
// stands for a claim that is absent.
type NumericDate struct {
	// Set is true if the claim is present.
	Set bool

	sec  int64
	nsec int64
}

// Unix returns the date in seconds without its fraction, 0 if it is not set.
func (d NumericDate) Unix() int64 { return d.sec }

// UnixMilli returns the date in milliseconds, rounded down, 0 if it is not set.
func (d NumericDate) UnixMilli() int64 { return d.sec*1000 + d.nsec/1_000_000 }

// Time returns the date to the nanosecond, the zero Time if it is not set.
func (d NumericDate) Time() time.Time {
	if !d.Set {
		return time.Time{}
	}
	return time.Unix(d.sec, d.nsec)
}

// reached reports whether the date is not after now+skew.
func (d *NumericDate) reached(now *time.Time, skew time.Duration) bool {
	return !now.Add(skew).Before(d.Time())
}

// parseNumericDate reads number, which must be a JSON number.
func parseNumericDate(number string) (NumericDate, bool) {
	if number[0] == '-' {
		return NumericDate{}, false
	}
	// The number is its digits, with the point at position point, times 10^exponent.
	exponent, mantissa, point := 0, len(number), -1
	for i := range len(number) {
		switch number[i] {
		case '.':
			point = i
		case 'e', 'E':
			var ok bool
			if exponent, ok = parseExponent(number[i+1:]); !ok {
				return NumericDate{}, false
			}
			mantissa = i
		}
	}
	if point < 0 {
		point = mantissa
	}

	d := NumericDate{Set: true}
	unit := int64(1_000_000_000) // ten times that of the next digit of the fraction
	place := point + exponent    // of the decimal point among the digits
	for ; place < 0; place++ {
		unit /= 10 // a zero between the point and the first digit
	}
	digit := 0
	for i := range mantissa {
		if number[i] == '.' {
			continue
		}
		n := int64(number[i] - '0')
		if digit < place {
			if d.sec = d.sec*10 + n; d.sec > maxDate {
				return NumericDate{}, false
			}
		} else {
			unit /= 10
			d.nsec += n * unit
		}
		digit++
	}
	for ; digit < place; digit++ {
		if d.sec *= 10; d.sec > maxDate {
			return NumericDate{}, false
		}
	}
	return d, true
}

// parseExponent reads an optional sign and digits.
func parseExponent(s string) (int, bool) {
	sign := 1
	switch s[0] {
	case '-':
		sign, s = -1, s[1:]
	case '+':
		s = s[1:]
	}
	n := 0
	for i := range len(s) {
		if n = n*10 + int(s[i]-'0'); n > maxDateExponent {
			return 0, false
		}
	}
	return sign * n, true
}
