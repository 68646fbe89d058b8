package oracle

import (
	"testing"
)

// The case of no bytes is a good request, to each configuration, and a changed one is not.
func TestUsualCases(t *testing.T) {
	for i := range Configurations {
		c := NewCase([]byte{byte(i)}, "")
		e := c.Expect()
		if !e.Forward || len(e.Refusals) > 0 {
			t.Errorf("%v: forward %v, refusals %v, %q", c, e.Forward, e.Refusals, e.Why)
		}
		bad := *c
		bad.Headers = append([][2]string{}, c.Headers...)
		for n, h := range bad.Headers {
			if h[0] == "authorization" {
				bad.Headers[n][1] += "?"
			}
		}
		if e := bad.Expect(); e.Forward {
			t.Errorf("%v goes on", bad)
		}
	}
}

// An Expectation finds what a gateway does wrong.
func TestCheck(t *testing.T) {
	c := NewCase([]byte{0}, "")
	e := c.Expect()
	good := func() *Outcome {
		return &Outcome{Forwarded: true, Body: c.Body(), Lists: Lists, Headers: append(e.others(), [][2]string{
			{"x-mcpauth-subject", "alice"}, {"x-mcpauth-client", "client-1"}, {"x-mcpauth-scope", "read write"}, {"x-mcpauth-issuer", "https://auth.example.com"}, {"x-mcpauth-expires", "1767225900"},
		}...)}
	}
	if err := e.Check(good()); err != nil {
		t.Fatal(err)
	}
	for name, spoil := range map[string]func(*Outcome){
		"refused":           func(o *Outcome) { o.Forwarded, o.Status = false, 401 },
		"another subject":   func(o *Outcome) { o.Headers[len(e.others())][1] = "mallory" },
		"no subject":        func(o *Outcome) { o.Headers = append(o.Headers[:len(e.others())], o.Headers[len(e.others())+1:]...) },
		"the token":         func(o *Outcome) { o.Headers = append(o.Headers, [2]string{"authorization", "Bearer x"}) },
		"a reserved header": func(o *Outcome) { o.Headers = append(o.Headers, [2]string{"x_mcpauth.subject", "mallory"}) },
		"a claim":           func(o *Outcome) { o.Headers = append(o.Headers, [2]string{"x-email", "mallory"}) },
		"another header":    func(o *Outcome) { o.Headers = append(o.Headers, [2]string{"x-other", "y"}) },
		"another body":      func(o *Outcome) { o.Body = "" },
		"filtered lists":    func(o *Outcome) { o.Lists = "data: {}\n\n" },
	} {
		o := good()
		spoil(o)
		if e.Check(o) == nil {
			t.Errorf("%s: not found", name)
		}
	}
}

// A text that servers read as another has the readings of both.
func TestReadings(t *testing.T) {
	for sent, want := range map[string]string{"/a/%2e%2e/b": "/b", "/a%252fb": "/a/b", "//h/b": "/b", "/a;x/b": "/a/b", "/b%3fx": "/b", "/B": "/b", "/b./": "/b/", `/a\b`: "/a/b"} {
		if list, _ := readings(sent); !contains(list, want) {
			t.Errorf("%s reads as %q, not as %s", sent, list, want)
		}
	}
	for text, lone := range map[string]bool{`"\ud83d\ude00"`: false, `"\ud83d"`: true, `"\ude00"`: true, `"\\ud83d"`: false, `"\ud83dx\ude00"`: true, `"\ud83d\ud83d\ude00"`: true} {
		if hasLoneSurrogate([]byte(text)) != lone {
			t.Errorf("%s: %v", text, !lone)
		}
	}
}
