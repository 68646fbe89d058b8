package istio_test

import (
	"encoding/json"
	"fmt"

	"google.golang.org/protobuf/proto"
	extensions "istio.io/client-go/pkg/apis/extensions/v1alpha1"
	networking "istio.io/client-go/pkg/apis/networking/v1"
	envoyfilter "istio.io/client-go/pkg/apis/networking/v1alpha3"
	security "istio.io/client-go/pkg/apis/security/v1"
	telemetry "istio.io/client-go/pkg/apis/telemetry/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"mcpauth/integration/manifests"
)

// reader knows the kinds and versions that Istio serves. It refuses what an API
// server would drop or reject: kinds unknown to Istio, unknown members, members
// twice, and members not in the spelling of the CRD.
var reader = func() *manifests.Reader {
	r, err := manifests.NewReader(extensions.AddToScheme, networking.AddToScheme, envoyfilter.AddToScheme, security.AddToScheme, telemetry.AddToScheme)
	if err != nil {
		panic(err)
	}
	r.Check = func(object runtime.Object, text []byte) error {
		var envelope struct{ Spec json.RawMessage }
		if err := json.Unmarshal(text, &envelope); err != nil {
			return err
		}
		if err := manifests.CheckSpec(envelope.Spec, specOf(object)); err != nil {
			return fmt.Errorf("spec: %w", err)
		}
		return nil
	}
	return r
}()

func specOf(object runtime.Object) proto.Message {
	switch o := object.(type) {
	case *extensions.WasmPlugin:
		return &o.Spec
	case *extensions.TrafficExtension:
		return &o.Spec
	case *networking.ServiceEntry:
		return &o.Spec
	case *networking.DestinationRule:
		return &o.Spec
	case *networking.VirtualService:
		return &o.Spec
	case *envoyfilter.EnvoyFilter:
		return &o.Spec
	case *security.AuthorizationPolicy:
		return &o.Spec
	case *telemetry.Telemetry:
		return &o.Spec
	}
	return nil
}
