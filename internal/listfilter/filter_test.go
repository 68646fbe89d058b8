package listfilter

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"
	"testing"
)

// hideSecret hides every entry whose name begins with secret.
func hideSecret(_ Kind, name string) bool { return strings.HasPrefix(name, "secret") }

const maxEvent = 1 << 20

func newFilter() *Filter { return &Filter{Hidden: hideSecret} }

func TestJSON(t *testing.T) {
	for name, c := range map[string]struct{ in, want string }{
		"nothing hidden":      {`{"jsonrpc":"2.0","id":1,"result":{"tools":[{"name":"a"}, {"name":"b"}]}}`, ""},
		"no list":             {` {"result":{"content":[{"type":"text","text":"tools"}],"structuredContent":{"tools":[{"name":"secret"}]}}} `, ""},
		"an error":            {`{"id":1,"error":{"code":1,"data":{"result":{"tools":[{"name":"secret"}]}}}}`, ""},
		"a request":           {`{"id":1,"method":"x","params":{"tools":[{"name":"secret"}]}}`, ""},
		"null":                {`{"result":{"tools":null}}`, ""},
		"null result":         {`{"result":null}`, ""},
		"empty":               {`{"result":{"tools":[ ]}}`, ""},
		"the first":           {`{"result":{"tools":[ {"name":"secret"} , {"name":"b"} ]}}`, `{"result":{"tools":[ {"name":"b"} ]}}`},
		"the first two":       {`{"result":{"tools":[{"name":"secret1"},{"name":"secret2"},{"name":"b"}]}}`, `{"result":{"tools":[{"name":"b"}]}}`},
		"the last":            {`{"result":{"tools":[{"name":"a"}, {"name":"secret"}]}}`, `{"result":{"tools":[{"name":"a"}]}}`},
		"the middle":          {`{"result":{"tools":[{"name":"a"}, {"name":"secret"},  {"name":"b"}]}}`, `{"result":{"tools":[{"name":"a"},  {"name":"b"}]}}`},
		"all":                 {`{"result":{"tools":[{"name":"secret"},{"name":"secret2"}],"nextCursor":"x"}}`, `{"result":{"tools":[],"nextCursor":"x"}}`},
		"escapes in a name":   {`{"result":{"tools":[{"n\u0061me":"\u0073ecret"}]}}`, `{"result":{"tools":[]}}`},
		"escapes in result":   {`{"r\u0065sult":{"tools":[{"name":"secret"}]}}`, `{"r\u0065sult":{"tools":[]}}`},
		"name after others":   {`{"result":{"tools":[{"inputSchema":{"name":"x"},"name":"secret"}]}}`, `{"result":{"tools":[]}}`},
		"prompts":             {`{"result":{"prompts":[{"name":"secret"}]}}`, `{"result":{"prompts":[]}}`},
		"resources":           {`{"result":{"resources":[{"uri":"secret:x","name":"a"}]}}`, `{"result":{"resources":[]}}`},
		"name of a resource":  {`{"result":{"resources":[{"uri":"x","name":"secret"}]}}`, ""},
		"templates":           {`{"result":{"resourceTemplates":[{"uriTemplate":"secret:{x}"}]}}`, `{"result":{"resourceTemplates":[]}}`},
		"several lists":       {`{"result":{"tools":[{"name":"secret"}],"prompts":[{"name":"secret"}]}}`, `{"result":{"tools":[],"prompts":[]}}`},
		"batch":               {`[{"result":{"tools":[{"name":"secret"}]}},{"result":{"prompts":[{"name":"secret"},{"name":"a"}]}}]`, `[{"result":{"tools":[]}},{"result":{"prompts":[{"name":"a"}]}}]`},
		"cacheScope":          {`{"result":{"cacheScope":"public","tools":[{"name":"secret"}]}}`, `{"result":{"cacheScope":"private","tools":[]}}`},
		"cacheScope after":    {`{"result":{"tools":[{"name":"a"}],"ttlMs":1,"cacheScope": "public"}}`, `{"result":{"tools":[{"name":"a"}],"ttlMs":1,"cacheScope": "private"}}`},
		"cacheScope absent":   {`{"result":{"ttlMs":1,"tools":[{"name":"secret"}]}}`, `{"result":{"cacheScope":"private","ttlMs":1,"tools":[]}}`},
		"cacheScope no list":  {`{"result":{"ttlMs":1,"cacheScope":"public","contents":[]}}`, ""},
		"cacheScope in batch": {`[{"result":{"tools":[{"name":"secret"}],"cacheScope":"public"}},{"result":{"cacheScope":"public","tools":[]}}]`, `[{"result":{"tools":[],"cacheScope":"private"}},{"result":{"cacheScope":"private","tools":[]}}]`},
		"no object":           {"Accepted", ""},
		"nothing at all":      {"", ""},
		"byte order mark":     {"\xef\xbb\xbf" + `{"result":{"tools":[{"name":"secret"}]}}`, `{"result":{"tools":[]}}`},
	} {
		want := c.want
		if want == "" {
			want = c.in
		}
		got, ok := newFilter().JSON([]byte(c.in))
		if !ok || string(got) != want {
			t.Errorf("%s: %v\n got %s\nwant %s", name, ok, got, want)
		}
	}
}

// What a client may read in another way than the filter is not let through.
func TestRefused(t *testing.T) {
	for name, text := range map[string]string{
		"no JSON":                   `<html>{"result":{}}`,
		"a string":                  `"{tools}"`,
		"UTF-16":                    "{\x00\"\x00r\x00",
		"a member with a NUL":       `{"result":{"tools\u0000":[{"name":"secret"}]}}`,
		"a member with half a pair": `{"result":{"tools\ud800":[{"name":"secret"}]}}`,
		"cut short":                 `{"result":{"tools":[{"name":"a"}`,
		"two texts":                 `{"result":{}} {"result":{"tools":[{"name":"secret"}]}}`,
		"result twice":              `{"result":{},"result":{"tools":[{"name":"secret"}]}}`,
		"tools twice":               `{"result":{"tools":[],"tools":[{"name":"secret"}]}}`,
		"name twice":                `{"result":{"tools":[{"name":"a","name":"secret"}]}}`,
		"name missing":              `{"result":{"tools":[{"Nme":"secret"}]}}`,
		"name in another case":      `{"result":{"tools":[{"name":"a","Name":"secret"}]}}`,
		"tools in another case":     `{"result":{"Tools":[{"name":"secret"}]}}`,
		"result in another case":    `{"Result":{"tools":[{"name":"secret"}]}}`,
		"result with a long s":      `{"reſult":{"tools":[{"name":"secret"}]}}`,
		"prototype":                 `{"result":{"__proto__":{"tools":[{"name":"secret"}]}}}`,
		"tools no array":            `{"result":{"tools":{"0":{"name":"secret"}}}}`,
		"an entry that is a text":   `{"result":{"tools":["secret"]}}`,
		"a name that is a number":   `{"result":{"tools":[{"name":1}]}}`,
		"half a surrogate pair":     `{"result":{"tools":[{"name":"\ud800"}]}}`,
		"a message that is none":    `[{"result":{}},[{"result":{"tools":[{"name":"secret"}]}}]]`,
		"too deep":                  strings.Repeat("[", 600) + "{}" + strings.Repeat("]", 600),
		"bytes that are not UTF-8":  "{\"result\":{\"tools\":[{\"name\":\"\xff\"}]}}",
		"cacheScope twice":          `{"result":{"cacheScope":"private","cacheScope":"public","tools":[]}}`,
	} {
		if got, ok := newFilter().JSON([]byte(text)); ok {
			t.Errorf("%s: not refused: %s", name, got)
		}
	}
}

// streamed returns what a stream makes of text that comes in chunks of size bytes.
func streamed(text string, size int) (string, bool) {
	s := NewStream(newFilter(), maxEvent)
	var out []byte
	for from := 0; ; from += size {
		to := min(from+size, len(text))
		chunk := bytes.Clone([]byte(text[from:to]))
		var ok bool
		if out, ok = s.Write(out, chunk, to == len(text)); !ok {
			return string(out), false
		}
		clear(chunk) // the host uses the memory again
		if to == len(text) {
			return string(out), true
		}
	}
}

func TestStream(t *testing.T) {
	const list = `{"result":{"tools":[{"name":"secret"},{"name":"a"}]}}`
	const short = `{"result":{"tools":[{"name":"a"}]}}`
	for name, c := range map[string]struct{ in, want string }{
		"LF":                   {"event: message\nid: 1\ndata: " + list + "\n\n", "event: message\nid: 1\ndata: " + short + "\n\n"},
		"CR LF":                {"event: message\r\ndata: " + list + "\r\nid: 1\r\n\r\n", "event: message\r\ndata: " + short + "\r\nid: 1\r\n\r\n"},
		"CR":                   {"data:" + list + "\r\r", "data: " + short + "\r\r"},
		"several events":       {"data: " + list + "\n\ndata: {}\n\n: ping\n\ndata: " + list + "\n\n", "data: " + short + "\n\ndata: {}\n\n: ping\n\ndata: " + short + "\n\n"},
		"several lines":        {"data: {\"result\":\ndata: {\"tools\":[{\"name\":\"secret\"},\ndata: {\"name\":\"a\"}]}}\n\n", "data: {\"result\":\ndata: {\"tools\":[{\"name\":\"a\"}]}}\n\n"},
		"mixed ends":           {"data: {\"result\":\rdata: {\"tools\":[{\"name\":\"secret\"}]}}\r\n\ndata: {}\n\n", "data: {\"result\":\rdata: {\"tools\":[]}}\r\n\ndata: {}\n\n"},
		"mixed ends, a field":  {"data: {\"result\":\nid: 1\rdata: {\"tools\":[{\"name\":\"secret\"}]}}\n\ndata: {}\n\n", "data: {\"result\":\ndata: {\"tools\":[]}}\nid: 1\r\n\ndata: {}\n\n"},
		"byte order mark":      {"\xef\xbb\xbfdata: " + list + "\n\n", "data: " + short + "\n\n"},
		"no end":               {"data: " + list, "data: " + short},
		"one end":              {"data: " + list + "\n", "data: " + short + "\n"},
		"endpoint":             {"event: endpoint\ndata: /messages?id=1\n\n", ""},
		"other fields":         {"data2: " + list + "\ndat: x\nretry: 1\n\n", ""},
		"data without a colon": {"data\ndata: {}\n\n", ""},
		"nothing":              {"", ""},
	} {
		want := c.want
		if want == "" {
			want = c.in
		}
		for _, size := range []int{1, 2, 3, 7, 1000} {
			if got, ok := streamed(c.in, size); !ok || got != want {
				t.Errorf("%s in chunks of %d: %v\n got %q\nwant %q", name, size, ok, got, want)
			}
		}
	}
}

// A stream ends at an event that cannot be read; the events before it have passed.
func TestStreamRefuses(t *testing.T) {
	for name, event := range map[string]string{
		"malformed":           "data: {\"result\":{\"tools\":[{\"name\":\"secret\"}]\n\n",
		"twice":               "data: {\"result\":{},\"result\":{\"tools\":[{\"name\":\"secret\"}]}}\n\n",
		"a BOM":               "data: \xef\xbb\xbf{\"result\":{\"tools\":[{\"name\":\"secret\"}]}}\n\n",
		"too long":            "data: " + strings.Repeat(" ", maxEvent+1),
		"too long, and whole": "data: " + strings.Repeat(" ", maxEvent) + "\n\n",
	} {
		for _, size := range []int{1, 5000} {
			got, ok := streamed("data: {}\n\n"+event, size)
			if ok || got != "data: {}\n\n" {
				t.Errorf("%s: %v %.200q", name, ok, got)
			}
		}
	}
}

// An event is let on with its last byte, and not with that of the next.
func TestStreamHoldsNothingBack(t *testing.T) {
	for _, end := range []string{"\n", "\r\n", "\r"} {
		s := NewStream(newFilter(), maxEvent)
		event := "data: {}" + end + end
		for range 3 {
			if got, _ := s.Write(nil, []byte(event), false); string(got) != event {
				t.Errorf("%q: got %q", event, got)
			}
			// A comment needs no blank line, and keeps a connection alive.
			if got, _ := s.Write(nil, []byte(": ping"+end), false); string(got) != ": ping"+end {
				t.Errorf("%q: a comment is held back: %q", end, got)
			}
		}
	}
}

// oracle takes the hidden entries out of a decoded answer.
func oracle(v any) any {
	if batch, ok := v.([]any); ok {
		for i := range batch {
			batch[i] = oracle(batch[i])
		}
		return batch
	}
	message, _ := v.(map[string]any)
	result, _ := message["result"].(map[string]any)
	list := false
	for k := range kinds {
		entries, ok := result[exact[k]].([]any)
		if !ok {
			continue
		}
		list = true
		kept := []any{}
		for _, e := range entries {
			entry, _ := e.(map[string]any)
			if name, _ := entry[named[k]].(string); !hideSecret(k, name) {
				kept = append(kept, e)
			}
		}
		result[exact[k]] = kept
	}
	_, cached := result["ttlMs"]
	if _, scoped := result["cacheScope"]; list && (cached || scoped) {
		result["cacheScope"] = "private"
	}
	return v
}

// FuzzJSON compares what is left of an answer with what encoding/json makes of it.
func FuzzJSON(f *testing.F) {
	for _, seed := range []string{
		`{"result":{"tools":[{"name":"secret"}, {"name":"b"}],"cacheScope":"public"}}`,
		`[{"result":{"resourceTemplates":[{"uriTemplate":"a"}],"ttlMs":1}}]`,
		`{"result":{"prompts":[],"resources":[{"uri":"secret"},{"uri":"secret"}]}}`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, ok := newFilter().JSON([]byte(text))
		if !ok {
			return
		}
		if !mayBeMessage([]byte(text)) {
			if string(got) != text {
				t.Errorf("%q became %q", text, got)
			}
			return
		}
		var before, after any
		if err := json.Unmarshal(bytes.TrimPrefix([]byte(text), []byte("\xef\xbb\xbf")), &before); err != nil {
			t.Fatalf("%v: accepted %q", err, text)
		}
		if err := json.Unmarshal(bytes.TrimPrefix(got, []byte("\xef\xbb\xbf")), &after); err != nil {
			t.Fatalf("%v: %q became %q", err, text, got)
		}
		if want := oracle(before); !reflect.DeepEqual(after, want) {
			t.Errorf("%q became %q, want %v", text, got, want)
		}
		again, ok := newFilter().JSON(got)
		if !ok || !bytes.Equal(again, got) {
			t.Errorf("%q became %q the second time (%v)", got, again, ok)
		}
	})
}

// events reads a stream as the standard says: the data of each event.
func events(text string) (list []string) {
	text = strings.TrimPrefix(text, "\xef\xbb\xbf")
	text = strings.ReplaceAll(strings.ReplaceAll(text, "\r\n", "\n"), "\r", "\n")
	var data []string
	for _, line := range strings.Split(text+"\n\n", "\n") {
		if line == "" {
			if data != nil {
				list = append(list, strings.Join(data, "\n"))
			}
			data = nil
			continue
		}
		name, value, _ := strings.Cut(line, ":")
		if name == "data" {
			data = append(data, strings.TrimPrefix(value, " "))
		}
	}
	return list
}

// FuzzStream compares the events of a filtered stream, in chunks of any size, with those
// of the stream, each filtered by itself.
func FuzzStream(f *testing.F) {
	f.Add("data: {\"result\":{\"tools\":[{\"name\":\"secret\"}]}}\r\n\r\n: x\n\ndata: {}\r\r", 3)
	f.Add("data: [\ndata: ]\n\ndata", 1)
	f.Fuzz(func(t *testing.T, text string, size int) {
		if size <= 0 || size > 1<<16 {
			return
		}
		got, ok := streamed(text, size)
		whole, wholeOK := streamed(text, len(text)+1)
		if ok != wholeOK || got != whole {
			t.Fatalf("%q in chunks of %d: %q %v, at once %q %v", text, size, got, ok, whole, wholeOK)
		}
		if !ok {
			return
		}
		before, after := events(text), events(got)
		if len(before) != len(after) {
			t.Fatalf("%q became %q: %d events, want %d", text, got, len(after), len(before))
		}
		for i, data := range before {
			want := data
			if mayBeMessage([]byte(data)) {
				filtered, ok := newFilter().JSON([]byte(data))
				if !ok {
					t.Fatalf("%q passed", data)
				}
				want = string(filtered)
			}
			if after[i] != want {
				t.Errorf("%q became %q, want %q", data, after[i], want)
			}
		}
	})
}
