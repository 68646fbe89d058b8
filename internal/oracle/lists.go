package oracle

import (
	"encoding/json"
	"fmt"
	"strings"
)

// listed are the names in [Lists], by the methods that use them.
var listed = map[string][]string{"tools/call": toolNames, "prompts/get": toolNames, "resources/read": uris}

// Lists is an event stream with lists of everything.
var Lists = func() string {
	type entry map[string]string
	result := map[string][]entry{}
	for method, list := range map[string]string{"tools/call": "tools", "prompts/get": "prompts", "resources/read": "resources"} {
		key := map[bool]string{true: "uri", false: "name"}[list == "resources"]
		for _, name := range listed[method] {
			result[list] = append(result[list], entry{key: name})
		}
	}
	text, err := json.Marshal(map[string]any{"jsonrpc": "2.0", "id": 1, "result": result})
	if err != nil {
		panic(err)
	}
	return "data: " + string(text) + "\n\n"
}()

// checkLists returns an error if a client may not get what a gateway has left of [Lists]:
// docs/rules.md, "Lists that fit the caller".
func (e *Expectation) checkLists(got string) error {
	var message struct {
		Result struct {
			Tools, Prompts, Resources []struct{ Name, URI string }
		}
	}
	if err := json.Unmarshal([]byte(strings.TrimPrefix(got, "data:")), &message); err != nil {
		return fmt.Errorf("%w: %s", err, got)
	}
	shown := map[string]bool{}
	for _, t := range message.Result.Tools {
		shown["tools/call "+t.Name] = true
	}
	for _, p := range message.Result.Prompts {
		shown["prompts/get "+p.Name] = true
	}
	for _, r := range message.Result.Resources {
		shown["resources/read "+r.URI] = true
	}
	for method, names := range listed {
		for _, name := range names {
			want, sure := e.visible(method, name)
			if is := shown[method+" "+name]; is != want && sure {
				return fmt.Errorf("%s %q: shown %v, want %v", method, name, is, want)
			}
		}
	}
	return nil
}

// visible reports whether a client sees an entry of a list.
func (e *Expectation) visible(method, name string) (visible, sure bool) {
	r := e.covered
	if r == nil || r.FilterLists == "" || !e.c.HasBody && e.c.first(":method") != "GET" {
		return true, true
	}
	n := r.needOf(&message{method: method, name: name, hasMethod: true, hasName: true})
	switch {
	case n.refuse || n.public:
		return n.public && !n.refuse, true
	case r.FilterLists == "all" && e.lacks != "" || e.lacks == lacksClaim:
		return false, true
	case e.caller == nil:
		return len(n.Claims) == 0, !n.strict
	}
	visible = e.caller.has(n.Claims)
	if r.FilterLists == "all" {
		for _, s := range n.Scopes {
			visible = visible && r.grants(e.caller.scopes, s)
		}
	}
	return visible, !n.strict
}
