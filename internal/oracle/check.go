package oracle

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"reflect"
	"slices"
	"strings"
)

// An Outcome is what a gateway has done with a request.
type Outcome struct {
	Forwarded bool
	Headers   [][2]string // those that the server gets, or those of the answer
	Body      string      // what the server gets, or the body of the answer
	Status    int         // of the answer
	Lists     string      // what is left of [Lists], if the server answers so
}

// Check returns an error if a gateway may not do what it has done.
func (e *Expectation) Check(o *Outcome) error {
	switch {
	case o.Forwarded && !e.Forward:
		return fmt.Errorf("the request reached the server, which is wrong: %q", e.Why)
	case o.Forwarded:
		return e.checkForwarded(o)
	case !e.anyAnswer && !slices.Contains(e.Refusals, o.Status):
		return fmt.Errorf("status %d, want one of %v (%q), or a request that goes on: %v; %s", o.Status, e.Refusals, e.Why, e.Forward, o.Body)
	}
	return e.checkAnswer(o)
}

// checkAnswer checks the form of an error: docs/answers.md.
func (e *Expectation) checkAnswer(o *Outcome) error {
	challenges := values(o.Headers, "www-authenticate")
	if o.Status == 401 && (len(challenges) != 1 || !strings.HasPrefix(challenges[0], "Bearer ") || !strings.Contains(challenges[0], `resource_metadata="https://`)) {
		return fmt.Errorf("401 with the challenges %q", challenges)
	}
	if (o.Status == 503 || o.Status == 404) && len(challenges) > 0 {
		return fmt.Errorf("%d with the challenges %q", o.Status, challenges)
	}
	if len(e.token) > 60 && strings.Contains(fmt.Sprint(o.Headers, o.Body), e.token) {
		return fmt.Errorf("the answer has the token: %v %s", o.Headers, o.Body)
	}
	for _, h := range o.Headers {
		if strings.ContainsAny(h[1], "\r\n\x00") {
			return fmt.Errorf("the header %q", h)
		}
	}
	return nil
}

// checkForwarded checks what the server gets: docs/identity.md.
func (e *Expectation) checkForwarded(o *Outcome) error {
	c := e.c
	if err := e.checkLists(o.Lists); err != nil {
		return err
	}
	if o.Body != c.Body() {
		return fmt.Errorf("the server got the body %q", o.Body)
	}
	want := e.identity()
	var rest [][2]string
	for _, h := range o.Headers {
		switch {
		case h[0] == "authorization":
		case e.reserved(h[0]):
			check, ok := want[h[0]]
			if !ok || !check(h[1]) {
				return fmt.Errorf("the server got %q", h)
			}
			delete(want, h[0])
		default:
			rest = append(rest, h)
		}
	}
	if len(want) > 0 {
		return fmt.Errorf("the server did not get %v", slices.Sorted(maps.Keys(want)))
	}
	var authorization []string
	switch {
	case e.covered == nil:
		authorization = values(c.Headers, "authorization")
	case e.covered.Forward && e.token != "":
		authorization = []string{"Bearer " + e.token}
	}
	if got := values(o.Headers, "authorization"); !slices.Equal(got, authorization) {
		return fmt.Errorf("the server got Authorization %q, want %q", got, authorization)
	}
	if others := e.others(); !reflect.DeepEqual(sorted(rest), sorted(others)) {
		return fmt.Errorf("the server got the headers %q, want %q", rest, others)
	}
	return nil
}

// sorted returns headers in the order of their names: a host may replace one at another
// place.
func sorted(headers [][2]string) [][2]string {
	headers = slices.Clone(headers)
	slices.SortStableFunc(headers, func(a, b [2]string) int { return strings.Compare(a[0], b[0]) })
	return headers
}

// reserved reports whether a server may take a header for one that the gateway sets.
func (e *Expectation) reserved(name string) bool {
	key := headerKey(name)
	if strings.HasPrefix(key, "x-mcpauth-") {
		return true
	}
	for _, r := range e.s.Resources {
		if r.PayloadHeader != "" && key == r.PayloadHeader {
			return true
		}
		for _, h := range r.ClaimHeaders {
			if key == h.Header {
				return true
			}
		}
	}
	return false
}

// others returns the headers of the client that the server gets.
func (e *Expectation) others() (list [][2]string) {
	c, r := e.c, e.covered
	upgrade := r != nil && c.has("upgrade")
	filtered := r != nil && r.FilterLists != "" && (c.HasBody || c.first(":method") == "GET")
	for _, h := range c.Headers {
		switch {
		case h[0] == "authorization" || e.reserved(h[0]):
		case h[0] == "accept-encoding" && filtered:
		case h[0] == "connection" && upgrade:
		default:
			list = append(list, h)
		}
	}
	if upgrade {
		list = append(list, [2]string{"connection", "Upgrade"})
	}
	return list
}

// identity returns what must hold for the values of the headers that the gateway sets.
func (e *Expectation) identity() map[string]func(string) bool {
	want := map[string]func(string) bool{}
	set := func(name, value string) {
		if value != "" {
			want[name] = func(got string) bool { return decodeValue(got) == value }
		}
	}
	if e.s.VerdictHeader {
		set("x-mcpauth-verdict", map[bool]string{true: "public", false: "token"}[e.public])
	}
	who, r := e.caller, e.covered
	if who == nil {
		return want
	}
	values := map[string]string{"subject": who.subject, "client": who.client, "scope": strings.Join(who.scopes, " "), "issuer": who.issuer}
	if who.exp != nil {
		values["expires"] = strings.Split(who.exp.FloatString(9), ".")[0]
	}
	for name, value := range values {
		if r.Identity == nil || contains(r.Identity, name) {
			set("x-mcpauth-"+name, value)
		}
	}
	for _, h := range r.ClaimHeaders {
		raw := who.at(h.Claim)
		if s, ok := text(raw); ok || raw == nil {
			set(h.Header, s)
			continue
		}
		want[h.Header] = func(got string) bool { return sameJSON(decodeValue(got), string(raw)) }
	}
	if r.PayloadHeader != "" {
		set(r.PayloadHeader, who.payload)
	}
	return want
}

// decodeValue undoes the percent-encoding of a header. A value that is not printable, or
// has a space at an end, decodes to one that no claim has.
func decodeValue(value string) string {
	decoded, err := url.PathUnescape(value)
	if err != nil || !fieldValue.MatchString(value) {
		return "\xff malformed: " + value
	}
	return decoded
}

func sameJSON(a, b string) bool {
	var x, y any
	d, e := json.NewDecoder(strings.NewReader(a)), json.NewDecoder(strings.NewReader(b))
	d.UseNumber()
	e.UseNumber()
	return d.Decode(&x) == nil && e.Decode(&y) == nil && reflect.DeepEqual(x, y)
}
