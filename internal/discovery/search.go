package discovery

import (
	"errors"
	"strings"

	"github.com/tidwall/gjson"

	"mcpauth/config"
	"mcpauth/internal/callout"
	"mcpauth/internal/wellknown"
)

// A Search asks for metadata at each URL where it may be, one after the other,
// until a document has the endpoint that the caller wants.
type Search struct {
	client  *Client
	want    Endpoint
	began   callout.UnixMilli
	urls    []*config.URL // yet to be asked
	reasons []string      // why the URLs asked so far gave nothing
	done    func(Result)  // nil once the Search has ended
}

// A Result is the outcome of a [Search].
type Result struct {
	Err      error       // why nothing was found
	Endpoint *config.URL // nil for [NoEndpoint]
	From     string      // the URL of the metadata, without a query, for the log
}

// Search begins a search for metadata with an endpoint. It calls done once, perhaps
// before it returns, unless [Search.Stop] is called before.
func (c *Client) Search(want Endpoint, done func(Result)) *Search {
	s := &Search{client: c, want: want, began: c.host.Now(), done: done}
	if k := &c.server.Source; k.MetadataURL != nil {
		s.urls = []*config.URL{k.MetadataURL}
	} else {
		issuer, _ := config.ParseURL(c.server.PublicIssuer()) // the configuration was validated
		s.urls = wellknown.AuthorizationServerURLs(issuer, k.Discovery)
	}
	s.askNext()
	return s
}

// Stop ends a search without a result. A nil Search does nothing.
func (s *Search) Stop() {
	if s != nil {
		s.done = nil
	}
}

func (s *Search) end(r Result) {
	done := s.done
	s.done = nil
	done(r)
}

func (s *Search) fail(u *config.URL, reason string) {
	s.reasons = append(s.reasons, u.WithoutQuery()+": "+reason)
}

// askNext asks the next URL.
func (s *Search) askNext() {
	c := s.client
	if len(s.urls) == 0 {
		s.end(Result{Err: errors.New(strings.Join(s.reasons, "; "))})
		return
	}
	u := s.urls[0]
	s.urls = s.urls[1:]
	if !s.began.Within(maxSearch, c.host.Now()) {
		s.urls = nil
		s.fail(u, "not asked, the attempt took too long")
		s.askNext()
		return
	}
	err := callout.Get(c.host, c.server.Cluster, u, func(r *callout.Response) {
		if s.done == nil {
			return
		}
		endpoint, err := s.read(r)
		if err != nil {
			s.fail(u, err.Error())
			s.askNext()
			return
		}
		s.end(Result{Endpoint: endpoint, From: u.WithoutQuery()})
	})
	if err != nil {
		s.urls = nil
		s.fail(u, callout.CannotCall(c.server.Cluster, err))
		s.askNext()
	}
}

// read reads a response that should be the server's metadata, and takes what it
// says into the record.
func (s *Search) read(r *callout.Response) (*config.URL, error) {
	if err := r.DocumentError(); err != nil {
		return nil, err
	}
	c := s.client
	metadata, err := wellknown.ParseServerMetadata(r.Body, c.server)
	if err != nil {
		return nil, err
	}
	var urls [endpoints]*config.URL
	for e, name := range endpointNames {
		u, err := wellknown.Endpoint(metadata, name, c.insecure)
		if err != nil && Endpoint(e) == s.want {
			return nil, err
		}
		urls[e] = u
	}
	c.take(metadata, &urls)
	if s.want == NoEndpoint {
		return nil, nil
	}
	return urls[s.want], nil
}

// take stores what metadata says in the record. It logs once that clients cannot
// register, and that metadata lacks endpoints that every client needs.
func (c *Client) take(metadata gjson.Result, urls *[endpoints]*config.URL) {
	now := c.host.Now()
	cannotRegister := c.server.OAuthProxy == nil && !wellknown.AllowsRegistration(metadata)
	var unusable error
	logUnusable, logRegistration := false, false
	stored := c.update(func(r *record) bool {
		for e, u := range urls {
			if u != nil {
				r.found[e].url, r.found[e].at = strings.Clone(u.Raw), now // a clone, since u.Raw is a part of the document
			}
		}
		logRegistration = cannotRegister && !r.cannotRegister
		r.cannotRegister = cannotRegister
		if unusable = c.keepDocument(r, metadata); unusable != nil {
			logUnusable = r.logBudget.Take(now)
		}
		return true
	})
	if stored && logRegistration {
		c.host.Info("issuer " + c.server.Issuer + ": " + wellknown.NoRegistration)
	}
	if stored && logUnusable {
		c.host.Warn("issuer " + c.server.Issuer + ": " + unusable.Error() + "; the last good metadata stays in use")
	}
}

// keepDocument takes a document into a record if the configuration says so. A
// document without the endpoints that every client needs does not replace one that
// has them; keepDocument then returns an error that names what is missing.
func (c *Client) keepDocument(r *record, metadata gjson.Result) error {
	if !c.server.Source.KeepMetadata {
		return nil
	}
	if err := c.usable(metadata); err != nil && c.usable(gjson.Parse(r.document)) == nil {
		return err
	}
	r.document = metadata.Raw
	return nil
}

// usable returns nil if metadata has the endpoints that every client needs.
func (c *Client) usable(metadata gjson.Result) error {
	_, err := wellknown.Endpoint(metadata, "authorization_endpoint", c.insecure)
	if err == nil {
		_, err = wellknown.Endpoint(metadata, "token_endpoint", c.insecure)
	}
	return err
}
