package image

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"strings"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

// Push uploads the image to reference, which names registry, repository and tag
// in full (`registry.example.com/mcpauth:1.0`), with the credentials that
// `docker login` has stored, if any. Only a registry on a loopback address may
// speak plain HTTP. It returns registry and repository.
func Push(ctx context.Context, reference string, img v1.Image) (repository string, err error) {
	tag, err := name.NewTag(reference, name.StrictValidation)
	if err != nil {
		return "", fmt.Errorf("image reference %q: %w", reference, err)
	}
	err = remote.Write(tag, img,
		remote.WithContext(ctx),
		remote.WithAuthFromKeychain(authn.DefaultKeychain),
		remote.WithTransport(loopbackHTTP{remote.DefaultTransport}))
	if err != nil {
		return "", fmt.Errorf("pushing %s: %w", tag, err)
	}
	return tag.Context().Name(), nil
}

// loopbackHTTP refuses requests by plain HTTP to hosts elsewhere. The library would
// send credentials so to any private address that does not answer by TLS.
type loopbackHTTP struct{ next http.RoundTripper }

func (t loopbackHTTP) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Scheme != "https" && !loopback(r.URL.Hostname()) {
		return nil, fmt.Errorf("%s is not on this machine: no plain HTTP", r.URL.Host)
	}
	return t.next.RoundTrip(r)
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || strings.HasSuffix(host, ".localhost") || ip != nil && ip.IsLoopback()
}
