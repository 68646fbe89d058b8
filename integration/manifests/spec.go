package manifests

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
)

// CheckSpec reads the spec of an Istio resource anew, as the message of its kind,
// because Istio's types skip unknown members when they are read as JSON. Writing it out
// again and comparing finds the second spellings (plugin_config, 0 for FAIL_CLOSE) that
// protobuf reads and a CRD does not have.
func CheckSpec(spec []byte, of proto.Message) error {
	if of == nil {
		return errors.New("a kind that this test does not expect")
	}
	message := of.ProtoReflect().New().Interface()
	if err := protojson.Unmarshal(spec, message); err != nil {
		return err
	}
	// With the default values, because a manifest may name one.
	written, err := protojson.MarshalOptions{EmitDefaultValues: true}.Marshal(message)
	if err != nil {
		return err
	}
	var got, want any
	if err := errors.Join(json.Unmarshal(written, &got), json.Unmarshal(spec, &want)); err != nil {
		return err
	}
	return contains(got, want, "")
}

// contains says where want has something that got has not.
func contains(got, want any, path string) error {
	switch want := want.(type) {
	case map[string]any:
		object, _ := got.(map[string]any)
		for key, value := range want {
			member, ok := object[key]
			if !ok {
				return fmt.Errorf("%s.%s is not spelled as in the CRD", path, key)
			}
			if err := contains(member, value, path+"."+key); err != nil {
				return err
			}
		}
		return nil
	case []any:
		list, _ := got.([]any)
		if len(list) != len(want) {
			return fmt.Errorf("%s has %d elements, read were %d", path, len(want), len(list))
		}
		for i := range want {
			if err := contains(list[i], want[i], fmt.Sprintf("%s[%d]", path, i)); err != nil {
				return err
			}
		}
		return nil
	}
	if !reflect.DeepEqual(got, want) {
		return fmt.Errorf("%s is %v, read was %v", path, want, got)
	}
	return nil
}
