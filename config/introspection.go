package config

import (
	"strings"
	"time"
)

// Limits and defaults of introspection and userinfo.
const (
	// DefaultMaxCache is used where max_cache_seconds is left out.
	DefaultMaxCache = 60 * time.Second

	maxCacheSeconds = 60 * 60
)

var introspectionMembers = []string{
	"endpoint", "cluster", "auth", "client_id", "client_secret", "client_secret_env", "token", "token_env",
	"max_cache_seconds", "jwt", "audience_unchecked",
}

// Introspection says how tokens are checked by asking an authorization server
// about each: at an endpoint of RFC 7662, or, where it has none, with a GET that
// carries the token, as OpenID Connect's userinfo endpoint takes it.
type Introspection struct {
	// Endpoint is where to ask; nil if it is the introspection_endpoint of the
	// server's metadata. It is never nil with Userinfo.
	Endpoint *URL

	// Cluster is the name of the Envoy cluster that leads to it.
	Cluster string

	// Auth is how the gateway authenticates there; without a meaning for
	// Userinfo. ClientID is empty for BearerToken. Secret is the client's
	// secret or the token; if it is to come from the environment it is empty
	// until [Config.ReadSecrets] has been called.
	Auth             IntrospectionAuth
	ClientID, Secret string

	// MaxCache bounds how long an answer is believed, 0 to an hour; 0 is for
	// the requests that waited for it alone.
	MaxCache time.Duration

	// JWT sends tokens that look like JWTs there too. Source.Kind is NoKeys.
	JWT bool

	// AudienceUnchecked accepts tokens for which the server names no audience.
	AudienceUnchecked bool

	// Userinfo is set where the endpoint is no introspection endpoint.
	Userinfo *Userinfo

	environment environment
}

// environment is where a secret comes from that is not in the document.
type environment struct {
	variable, path string // its name and that of the member in the document
}

// IntrospectionAuth is how the gateway authenticates to an introspection
// endpoint (RFC 7662, section 2.1).
type IntrospectionAuth uint8

const (
	ClientSecretBasic IntrospectionAuth = iota // RFC 6749, section 2.3.1
	ClientSecretPost
	BearerToken // RFC 6750
)

// discovers reports whether the endpoint is to be found in metadata.
func (s *AuthorizationServer) discovers() bool {
	return s.Introspection != nil && s.Introspection.Endpoint == nil
}

// parseIntrospection reads introspection or userinfo, of which it returns the
// member, nil if there is none. With one of them, keys are used only where the
// server says where they are from: source.
func (l *serverList) parseIntrospection(v *value, s *AuthorizationServer, source *value) *value {
	m, userinfo := v.get("introspection"), v.get("userinfo")
	switch {
	case m != nil && userinfo != nil:
		userinfo.needless(m, "a token is checked in one way")
	case userinfo != nil:
		m = userinfo
		s.Introspection = l.parseUserinfo(m)
	case m != nil:
		s.Introspection = l.parseEndpoint(m)
	default:
		return nil
	}
	if s.Introspection == nil {
		s.Introspection = &Introspection{}
	}
	if source == nil || s.Introspection.JWT {
		if source != nil && (s.Source.Kind > MetadataURL || s.Introspection.Endpoint != nil) {
			source.needless(m, "jwt is true, so that no keys are used")
		}
		s.Source.Kind = NoKeys
		for _, name := range [...]string{"algorithms", "typ"} {
			v.get(name).needless(m, "no keys are used")
		}
	}
	return m
}

// parseCallout completes what introspection leaves out by what its server has.
func (l *serverList) parseCallout(v *value, s *AuthorizationServer, m *value) {
	i := s.Introspection
	if m.get("endpoint") == nil && i.Userinfo == nil {
		switch s.Source.Kind {
		case JWKSURI:
			if metadata := v.get("metadata"); metadata != nil {
				i.Endpoint = metadata.require("introspection_endpoint").url(l.allowHTTP)
				break
			}
			fallthrough
		case Static:
			m.failAbsent("endpoint", "is required: no metadata is fetched that could name it")
		}
	}
	needed := i.Cluster == "" || s.discovers()
	if needed && s.Cluster == "" && v.get("cluster") == nil && s.Source.Kind >= Static {
		v.failAbsent("cluster", "is required: it names the Envoy cluster that tokens are checked through")
	}
	if i.Cluster == "" {
		i.Cluster = s.Cluster
	}
}

// parseEndpoint reads introspection.
func (l *serverList) parseEndpoint(v *value) *Introspection {
	if !v.closedObject(introspectionMembers) {
		return nil
	}
	i := &Introspection{}
	l.parseCommon(v, i)
	i.Auth = IntrospectionAuth(v.get("auth").oneOf("client_secret_basic", "client_secret_post", "bearer"))
	secret, other := "client_secret", "token"
	if i.Auth == BearerToken {
		secret, other = other, secret
		v.get("client_id").unlike("auth is bearer")
	} else {
		i.ClientID = v.require("client_id").text()
	}
	v.get(other).unlike("auth takes " + secret)
	v.get(other + "_env").unlike("auth takes " + secret + "_env")
	environment, m := v.secret(secret, &i.Secret)
	i.environment = environment
	i.checkSecret(m)
	return i
}

func (v *value) unlike(why string) {
	if v != nil {
		v.fail("must not be there: " + why)
	}
}

// secret reads a secret, at m, or the name of the environment variable that has
// it.
func (v *value) secret(name string, to *string) (e environment, m *value) {
	env := v.get(name + "_env")
	switch m = v.get(name); {
	case m != nil:
		env.needless(m, "there is one secret")
		*to = m.text()
	case env != nil:
		e = environment{env.text(), env.path}
		if strings.IndexByte(e.variable, '=') >= 0 {
			env.fail("must be the name of an environment variable")
		}
	default:
		v.failAbsent(name, "is required, or "+name+"_env")
	}
	return e, m
}

// checkSecret refuses at v a bearer token that cannot stand in a header.
func (i *Introspection) checkSecret(v *value) {
	if i.Auth == BearerToken && i.Secret != "" && !isToken68(i.Secret) {
		v.fail("must be a bearer token: letters, digits and -._~+/=")
	}
}

// isToken68 is b64token of RFC 6750, section 2.1, with "=" anywhere.
func isToken68(s string) bool {
	for i := 0; i < len(s); i++ {
		if !isUnreserved(s[i]) && strings.IndexByte("+/=", s[i]) < 0 {
			return false
		}
	}
	return true
}

// parseCommon reads what introspection and userinfo have in common.
func (l *serverList) parseCommon(v *value, i *Introspection) {
	i.Endpoint = v.get("endpoint").url(l.allowHTTP)
	if m := v.get("cluster"); m != nil {
		i.Cluster = m.text()
	}
	i.MaxCache = time.Duration(v.get("max_cache_seconds").integer(0, maxCacheSeconds, int(DefaultMaxCache/time.Second))) * time.Second
	i.JWT = v.get("jwt").bool()
	i.AudienceUnchecked = v.get("audience_unchecked").bool()
}

// oneIntrospection refuses a resource that trusts several servers for tokens
// that are no JWTs: such a token does not say whose it is.
func (v *value) oneIntrospection(servers []*AuthorizationServer) {
	n := 0
	for _, s := range servers {
		if s.Introspection != nil {
			n++
		}
	}
	if n > 1 {
		v.failAbsent("authorization_servers", "must not have several with introspection or userinfo: an opaque token does not say whose it is")
	}
}

// ReadSecrets completes the configuration by the secrets that stand in the
// environment, of which getenv returns one variable. The error is of type
// [Errors]; no secret is in it.
func (c *Config) ReadSecrets(getenv func(name string) (string, bool)) error {
	var errs Errors
	for _, s := range c.AuthorizationServers {
		if i := s.Introspection; i != nil {
			i.checkSecret(i.environment.read(getenv, &i.Secret, &errs))
		}
		if p := s.OAuthProxy; p != nil {
			p.environment.read(getenv, &p.Secret, &errs)
		}
	}
	if len(errs) > 0 {
		return errs
	}
	return nil
}

// read reads the secret, if it is to come from the environment, and returns
// where faults of it belong.
func (e environment) read(getenv func(string) (string, bool), to *string, errs *Errors) *value {
	v := &value{path: e.path, errs: errs}
	if e.variable == "" {
		return v
	}
	secret, ok := getenv(e.variable)
	switch {
	case !ok:
		v.fail("the plugin has no environment variable of this name: see vm_config.environment_variables of Envoy")
	case secret == "":
		v.fail("the environment variable is empty")
	case hasControl(secret):
		v.fail("the environment variable must not have control characters, nor a newline at its end")
	default:
		*to = strings.Clone(secret)
	}
	return v
}
