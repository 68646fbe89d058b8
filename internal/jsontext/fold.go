package jsontext

import "unicode/utf8"

// Folds reports whether name differs from want, which is in lower case, at most in
// the case of its letters. It maps every character to ASCII that some parser does:
// Unicode has two that fold to ASCII, and two forms of i that Turkish rules map.
func Folds(name, want string) bool {
	for i := 0; i < len(want); i++ {
		if name == "" {
			return false
		}
		c, size := name[0], 1
		if c >= utf8.RuneSelf {
			var r rune
			switch r, size = utf8.DecodeRuneInString(name); r {
			case 'ſ':
				c = 's'
			case '\u212A': // the Kelvin sign
				c = 'k'
			case 'ı', 'İ':
				c = 'i'
			}
		}
		if c|0x20 != want[i] {
			return false
		}
		name = name[size:]
	}
	return name == ""
}
