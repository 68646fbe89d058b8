package jsontext

import (
	"strings"
	"testing"
	"unicode"
)

// Folds recognizes every character that Go folds to a letter of the names.
func TestFolds(t *testing.T) {
	for _, want := range []string{"method", "params", "name", "uri", "result", "tools", "resourcetemplates", "cachescope", "ttlms"} {
		for i := range len(want) {
			for r := unicode.SimpleFold(rune(want[i])); r != rune(want[i]); r = unicode.SimpleFold(r) {
				if name := want[:i] + string(r) + want[i+1:]; !Folds(name, want) || !strings.EqualFold(name, want) {
					t.Errorf("%q is not taken for %q", name, want)
				}
			}
			for c := rune(0); c < 0x3000; c++ {
				if name := want[:i] + string(c) + want[i+1:]; Folds(name, want) && !strings.EqualFold(name, want) && c != 'ı' && c != 'İ' {
					t.Errorf("%q is taken for %q", name, want)
				}
			}
		}
		for _, name := range []string{"", want[1:], want[:1], want + "s", "x" + want} {
			if Folds(name, want) {
				t.Errorf("%q is taken for %q", name, want)
			}
		}
	}
}
