// Package probe sends single requests as an MCP client would, within bounds of time and
// size, and keeps all that is seen.
package probe

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// MaxBody is the size of the largest body that is read.
const MaxBody = 1 << 20

// A Client sends requests. It follows no redirects.
type Client struct {
	http *http.Client
	// timeout bounds each request.
	timeout time.Duration
}

// New returns a Client. roots are the accepted certification authorities, nil for those of
// the system. timeout bounds each request.
func New(roots *x509.CertPool, timeout time.Duration, userAgent string) *Client {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.TLSClientConfig = &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}
	t.MaxResponseHeaderBytes = 256 << 10
	t.ResponseHeaderTimeout = timeout
	t.TLSHandshakeTimeout = timeout
	return &Client{&http.Client{
		Transport:     agent{t, userAgent},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}, timeout}
}

// HTTP returns the client for libraries. It bounds no body.
func (c *Client) HTTP() *http.Client { return c.http }

// Timeout returns how long a request may take.
func (c *Client) Timeout() time.Duration { return c.timeout }

// agent names the program to servers.
type agent struct {
	next http.RoundTripper
	name string
}

func (a agent) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Header.Get("User-Agent") == "" {
		r = r.Clone(r.Context())
		r.Header.Set("User-Agent", a.name)
	}
	return a.next.RoundTrip(r)
}

// An Exchange is a request and what came of it.
type Exchange struct {
	Method, URL string
	Status      int // 0 if Err is set
	Header      http.Header
	Body        []byte
	Truncated   bool // the body is longer than MaxBody
	TLS         *tls.ConnectionState
	At          time.Time // when the response had come
	Err         error
}

// Do sends a request. header has names and values. It always returns an Exchange.
func (c *Client) Do(ctx context.Context, method, target string, body []byte, header ...string) *Exchange {
	x := &Exchange{Method: method, URL: target, Header: http.Header{}}
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, method, target, bytes.NewReader(body))
	if err != nil {
		x.Err = err
		return x
	}
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	resp, err := c.http.Do(r)
	x.At = time.Now()
	if err != nil {
		x.Err = err
		return x
	}
	defer resp.Body.Close()
	x.Status, x.Header, x.TLS = resp.StatusCode, resp.Header, resp.TLS
	if mediaType(resp.Header) == "text/event-stream" {
		x.Body, x.Err = firstEvent(resp.Body), nil
		return x
	}
	x.Body, err = io.ReadAll(io.LimitReader(resp.Body, MaxBody+1))
	if len(x.Body) > MaxBody {
		x.Body, x.Truncated = x.Body[:MaxBody], true
	} else if err != nil {
		x.Err = fmt.Errorf("the body did not come: %w", err)
	}
	return x
}

// firstEvent returns the data of the first event with data of a stream, which may have no end.
func firstEvent(r io.Reader) []byte {
	var text []byte
	buffer := make([]byte, 4096)
	for len(text) < MaxBody {
		n, err := r.Read(buffer)
		text = append(text, buffer[:n]...)
		for block := range bytes.SplitSeq(bytes.ReplaceAll(text, []byte("\r\n"), []byte("\n")), []byte("\n\n")) {
			for line := range bytes.SplitSeq(block, []byte("\n")) {
				if data, ok := bytes.CutPrefix(line, []byte("data:")); ok && json.Valid(data) {
					return bytes.TrimSpace(data)
				}
			}
		}
		if err != nil {
			break
		}
	}
	return nil
}

func mediaType(h http.Header) string {
	t, _, _ := mime.ParseMediaType(h.Get("Content-Type"))
	return t
}

// MediaType returns the media type of the response, in lower case.
func (x *Exchange) MediaType() string { return mediaType(x.Header) }

// IsHTML reports whether the response is a page for people.
func (x *Exchange) IsHTML() bool {
	start := bytes.ToLower(bytes.TrimSpace(x.Body[:min(len(x.Body), 512)]))
	return x.MediaType() == "text/html" || bytes.HasPrefix(start, []byte("<!doctype")) || bytes.HasPrefix(start, []byte("<html"))
}

// Redirect returns where the response redirects to, "" if it does not.
func (x *Exchange) Redirect() string {
	if x.Status < 300 || x.Status > 399 || x.Status == http.StatusNotModified {
		return ""
	}
	base, err := url.Parse(x.URL)
	if err != nil {
		return ""
	}
	u, err := base.Parse(x.Header.Get("Location"))
	if err != nil || x.Header.Get("Location") == "" {
		return ""
	}
	return u.String()
}

// Object decodes the body, a JSON object, into v. The error says what came instead.
func (x *Exchange) Object(v any) error {
	if err := x.Document(); err != nil {
		return err
	}
	if err := json.Unmarshal(x.Body, v); err != nil {
		return errors.New("the answer is JSON, but a member has another type than it should")
	}
	return nil
}

// Document returns nil if the response is a JSON object with status 200.
func (x *Exchange) Document() error {
	switch {
	case x.Err != nil:
		return errors.New(x.Fault())
	case x.Redirect() != "":
		return fmt.Errorf("status %d, a redirect to %s", x.Status, WithoutQuery(x.Redirect()))
	case x.Status != http.StatusOK:
		return fmt.Errorf("status %d", x.Status)
	case x.Truncated:
		return fmt.Errorf("the answer is larger than %d MiB", MaxBody>>20)
	case x.IsHTML():
		return errors.New("a web page came instead of JSON")
	}
	var object map[string]json.RawMessage
	if err := json.Unmarshal(bytes.TrimPrefix(x.Body, []byte("\xef\xbb\xbf")), &object); err != nil || object == nil {
		return errors.New("the answer is not a JSON object")
	}
	return nil
}

// Fault returns in words why there was no response.
func (x *Exchange) Fault() string {
	var dns *net.DNSError
	var unknown x509.UnknownAuthorityError
	var name x509.HostnameError
	var invalid x509.CertificateInvalidError
	var record tls.RecordHeaderError
	var op *net.OpError
	switch err := x.Err; {
	case err == nil:
		return ""
	case errors.As(err, &dns) && dns.IsNotFound:
		return "there is no host " + dns.Name
	case errors.As(err, &dns):
		return "the name " + dns.Name + " cannot be looked up"
	case errors.As(err, &name):
		return "the certificate is for another name than " + name.Host
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return "the certificate has expired or is not valid yet"
	case errors.As(err, &invalid):
		return "the certificate is not valid for this use"
	case errors.As(err, &unknown):
		return "the certificate is signed by an unknown authority"
	case errors.As(err, &record), strings.Contains(err.Error(), "server gave HTTP response to HTTPS client"):
		return "the server speaks plain HTTP, not TLS"
	case errors.Is(err, context.DeadlineExceeded), isTimeout(err):
		return "no answer in time"
	case errors.Is(err, context.Canceled):
		return "interrupted"
	case errors.As(err, &op) && op.Op == "dial":
		return "no connection: " + op.Err.Error()
	case strings.Contains(err.Error(), "malformed HTTP"):
		return "the server does not speak HTTP here; TLS perhaps"
	}
	var u *url.Error
	if errors.As(x.Err, &u) {
		return u.Err.Error() // without the URL, which may have a query
	}
	return x.Err.Error()
}

func isTimeout(err error) bool {
	var n net.Error
	return errors.As(err, &n) && n.Timeout()
}

// IsTLSFault reports whether the certificate is why there was no response.
func (x *Exchange) IsTLSFault() bool { return strings.HasPrefix(x.Fault(), "the certificate ") }

// WithoutQuery returns a URL without its query and fragment, which may have secrets.
func WithoutQuery(s string) string {
	s, _, _ = strings.Cut(s, "#")
	s, _, _ = strings.Cut(s, "?")
	return s
}
