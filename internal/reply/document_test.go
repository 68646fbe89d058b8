package reply

import "testing"

// RFC 9110 section 13.1.2.
func TestNoneMatches(t *testing.T) {
	for list, want := range map[string]bool{
		"":                      true,
		"*":                     false,
		`"abc"`:                 false,
		`W/"abc"`:               false,
		`"x", W/"y" ,"abc"`:     false,
		`"x,y","abc"`:           false,
		`"ab"`:                  true,
		`"abcd"`:                true,
		`abc`:                   true,
		`"ABC"`:                 true,
		`"*"`:                   true,
		"W/\"x\", \"y\", \"z\"": true,
	} {
		if got := noneMatches(list, `"abc"`); got != want {
			t.Errorf("%s: %v", list, got)
		}
	}
}
