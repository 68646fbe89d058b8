package wellknown

import (
	"errors"
	"strings"

	"github.com/tidwall/gjson"
)

// MergePatch applies a JSON merge patch to a document and returns the result
// (RFC 7396, section 2): a member of patch replaces the one of its name in doc,
// an object member by member, and null removes it. It fails only if one of them
// is not JSON of at most 32 levels.
func MergePatch(doc, patch []byte) ([]byte, error) {
	if !Valid(doc) || !Valid(patch) {
		return nil, errors.New("the document or the merge patch is not JSON of at most 32 levels")
	}
	return []byte(merge(string(doc), string(patch))), nil
}

// merge is MergePatch for valid JSON texts. An empty doc is none.
func merge(doc, patch string) string {
	doc, patch = strings.TrimSpace(doc), strings.TrimSpace(patch)
	if patch[0] != '{' {
		return patch
	}
	if doc == "" || doc[0] != '{' {
		doc = "{}"
	}
	var b strings.Builder
	b.WriteString("{")
	write := func(name, value string) bool {
		if b.Len() > 1 {
			b.WriteString(",")
		}
		b.WriteString(name)
		b.WriteString(":")
		b.WriteString(value)
		return true
	}
	gjson.Parse(doc).ForEach(func(name, value gjson.Result) bool {
		switch change := Member(patch, name.Str); change {
		case "":
			return write(name.Raw, value.Raw)
		case "null":
			return true
		default:
			return write(name.Raw, merge(value.Raw, change))
		}
	})
	gjson.Parse(patch).ForEach(func(name, value gjson.Result) bool {
		if value.Raw == "null" || Member(doc, name.Str) != "" {
			return true
		}
		return write(name.Raw, merge("", value.Raw))
	})
	b.WriteString("}")
	return b.String()
}

// Member returns the JSON of a member of an object by its decoded name, empty
// if there is none. Get of gjson is not used anywhere: it reads a name as a path,
// with wildcards, queries and more, which takes 90 kB of the plugin.
func Member(object, name string) (text string) {
	o := gjson.Parse(object)
	if !o.IsObject() {
		return "" // gjson would go through the elements of an array too
	}
	o.ForEach(func(n, value gjson.Result) bool {
		if n.Str == name {
			text = value.Raw
		}
		return text == ""
	})
	return text
}

func member(object gjson.Result, name string) gjson.Result {
	return gjson.Parse(Member(object.Raw, name))
}

// Text returns the decoded text of a JSON string, nothing for null, and the JSON
// of all else.
func Text(value string) string {
	v := gjson.Parse(value)
	if v.Type == gjson.String || v.Type == gjson.Null {
		return v.Str
	}
	return value
}
