package wellknown

import (
	"errors"

	"github.com/tidwall/gjson"
)

// MergePatch applies a JSON merge patch to a document and returns the result
// (RFC 7396, section 2): a member of patch replaces the one of its name in doc,
// an object member by member, and null removes it. The error says which of the
// two is not JSON.
func MergePatch(doc, patch []byte) ([]byte, error) {
	if !gjson.ValidBytes(doc) {
		return nil, errors.New("the document is not JSON")
	}
	if !gjson.ValidBytes(patch) {
		return nil, errors.New("the merge patch is not JSON")
	}
	return appendMerged(nil, gjson.ParseBytes(doc), gjson.ParseBytes(patch)), nil
}

// appendMerged appends target with patch applied to it; a target that is not
// there is a zero Result.
func appendMerged(b []byte, target, patch gjson.Result) []byte {
	if !patch.IsObject() {
		return append(b, patch.Raw...)
	}
	b = append(b, '{')
	empty := len(b)
	member := func(name gjson.Result) {
		if len(b) > empty {
			b = append(b, ',')
		}
		b = append(b, name.Raw...)
		b = append(b, ':')
	}
	if target.IsObject() {
		target.ForEach(func(name, value gjson.Result) bool {
			switch change := memberOf(patch, name.Str); change.Type {
			case gjson.Null:
				if change.Exists() {
					return true
				}
				member(name)
				b = append(b, value.Raw...)
			default:
				member(name)
				b = appendMerged(b, value, change)
			}
			return true
		})
	}
	patch.ForEach(func(name, value gjson.Result) bool {
		if value.Type != gjson.Null && !memberOf(target, name.Str).Exists() {
			member(name)
			b = appendMerged(b, gjson.Result{}, value)
		}
		return true
	})
	return append(b, '}')
}

// memberOf returns a member of an object by its decoded name, exactly; of what
// is no object, none. (Get reads a name as a path, with wildcards.)
func memberOf(object gjson.Result, name string) (found gjson.Result) {
	if object.IsObject() {
		object.ForEach(func(n, value gjson.Result) bool {
			if n.Str == name {
				found = value
				return false
			}
			return true
		})
	}
	return found
}
