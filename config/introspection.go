package config

import (
	"strings"
	"time"
)

// Limits and defaults of introspection and userinfo.
const (
	// DefaultMaxCache is the default of max_cache_seconds.
	DefaultMaxCache = 60 * time.Second

	maxCacheSeconds = 60 * 60
)

var introspectionMembers = []string{
	"endpoint", "cluster", "auth", "client_id", "client_secret", "client_secret_env", "token", "token_env",
	"max_cache_seconds", "jwt", "audience_unchecked",
}

// Introspection says how the gateway asks an authorization server about opaque tokens:
// at an introspection endpoint (RFC 7662), or by a GET request with the token to an
// endpoint such as OpenID Connect's userinfo endpoint.
type Introspection struct {
	// Endpoint is the endpoint's URL. It is nil if the URL is the
	// introspection_endpoint of the server's metadata, never with Userinfo.
	Endpoint *URL

	// Cluster is the Envoy cluster of the endpoint.
	Cluster string

	// Auth is how the gateway authenticates at an introspection endpoint. ClientID is
	// empty for BearerToken. Secret is the client secret or the bearer token. A
	// Secret from the environment is empty until [Config.ReadSecrets] has been
	// called.
	Auth             ClientAuth
	ClientID, Secret string

	// MaxCache bounds how long a response is used, 0 to an hour. At 0 it is used only
	// for the requests that waited for it.
	MaxCache time.Duration

	// JWT means that tokens shaped like JWTs are introspected too. Source.Kind is then
	// NoKeys.
	JWT bool

	// AudienceUnchecked accepts a token if the response has no audience.
	AudienceUnchecked bool

	// Userinfo is set if the endpoint is not an introspection endpoint.
	Userinfo *Userinfo

	environment environment
}

// environment names the environment variable of a secret that is not in the document.
type environment struct {
	variable string
	path     string // of the member that names the variable
}

// ClientAuth is how the gateway authenticates at an endpoint of an authorization server
// (RFC 6749, section 2.3; RFC 7662, section 2.1).
type ClientAuth uint8

const (
	ClientSecretBasic ClientAuth = iota // RFC 6749, section 2.3.1
	ClientSecretPost
	BearerToken // RFC 6750
)

// discovers reports whether the introspection endpoint comes from metadata.
func (s *AuthorizationServer) discovers() bool {
	return s.Introspection != nil && s.Introspection.Endpoint == nil
}

// parseIntrospection reads the member introspection or userinfo and returns it, nil if
// there is neither. With one of them, the server has keys only if it has a member that
// says where they come from; source is that member, or nil.
func (l *serverParser) parseIntrospection(v *value, s *AuthorizationServer, source *value) *value {
	m, userinfo := v.get("introspection"), v.get("userinfo")
	switch {
	case m != nil && userinfo != nil:
		userinfo.failBeside(m, "a token is checked in one way")
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
			source.failBeside(m, "jwt is true, so that no keys are used")
		}
		s.Source.Kind = NoKeys
		for _, name := range [...]string{"algorithms", "typ"} {
			v.get(name).failBeside(m, "no keys are used")
		}
	}
	return m
}

// parseCallout completes the endpoint and the cluster of introspection from its server;
// m is the member introspection or userinfo.
func (l *serverParser) parseCallout(v *value, s *AuthorizationServer, m *value) {
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
			m.failMember("endpoint", "is required: no metadata is fetched that could name it")
		}
	}
	needed := i.Cluster == "" || s.discovers()
	if needed && s.Cluster == "" && v.get("cluster") == nil && s.Source.Kind >= Static {
		v.failMember("cluster", "is required: it names the Envoy cluster that tokens are checked through")
	}
	if i.Cluster == "" {
		i.Cluster = s.Cluster
	}
}

// parseEndpoint reads the member introspection.
func (l *serverParser) parseEndpoint(v *value) *Introspection {
	if !v.closedObject(introspectionMembers) {
		return nil
	}
	i := &Introspection{}
	l.parseCommon(v, i)
	i.Auth = ClientAuth(v.get("auth").oneOf("client_secret_basic", "client_secret_post", "bearer"))
	secret, other := "client_secret", "token"
	if i.Auth == BearerToken {
		secret, other = other, secret
		v.get("client_id").mustBeAbsent("auth is bearer")
	} else {
		i.ClientID = v.require("client_id").nonEmptyString()
	}
	v.get(other).mustBeAbsent("auth takes " + secret)
	v.get(other + "_env").mustBeAbsent("auth takes " + secret + "_env")
	environment, m := v.secret(secret, &i.Secret)
	i.environment = environment
	i.checkSecret(m)
	return i
}

// mustBeAbsent refuses a member, if it is there.
func (v *value) mustBeAbsent(why string) {
	if v != nil {
		v.fail("must not be there: " + why)
	}
}

// secret reads the member name, which is a secret, or the member name_env, which names an
// environment variable. It stores a secret at to, and returns its member as m.
func (v *value) secret(name string, to *string) (e environment, m *value) {
	env := v.get(name + "_env")
	switch m = v.get(name); {
	case m != nil:
		env.failBeside(m, "there is one secret")
		*to = m.nonEmptyString()
	case env != nil:
		e = env.variable()
	default:
		v.failMember(name, "is required, or "+name+"_env")
	}
	return e, m
}

// variable reads the name of an environment variable.
func (v *value) variable() environment {
	e := environment{v.nonEmptyString(), v.path}
	if strings.IndexByte(e.variable, '=') >= 0 {
		v.fail("must be the name of an environment variable")
	}
	return e
}

// checkSecret reports an error at v if Secret is no valid bearer token.
func (i *Introspection) checkSecret(v *value) {
	if i.Auth == BearerToken && i.Secret != "" && !isToken68(i.Secret) {
		v.fail("must be a bearer token: letters, digits and -._~+/=")
	}
}

// isToken68 reports whether s is a b64token (RFC 6750, section 2.1), but accepts "="
// anywhere.
func isToken68(s string) bool {
	for i := 0; i < len(s); i++ {
		if !isUnreserved(s[i]) && strings.IndexByte("+/=", s[i]) < 0 {
			return false
		}
	}
	return true
}

// parseCommon reads the members that introspection and userinfo have in common.
func (l *serverParser) parseCommon(v *value, i *Introspection) {
	i.Endpoint = v.get("endpoint").url(l.allowHTTP)
	if m := v.get("cluster"); m != nil {
		i.Cluster = m.nonEmptyString()
	}
	i.MaxCache = time.Duration(v.get("max_cache_seconds").integer(0, maxCacheSeconds, int(DefaultMaxCache/time.Second))) * time.Second
	i.JWT = v.get("jwt").bool()
	i.AudienceUnchecked = v.get("audience_unchecked").bool()
}

// checkSingleIntrospection refuses a resource with several servers for opaque tokens: an
// opaque token does not name its issuer.
func (v *value) checkSingleIntrospection(servers []*AuthorizationServer) {
	n := 0
	for _, s := range servers {
		if s.Introspection != nil {
			n++
		}
	}
	if n > 1 {
		v.failMember("authorization_servers", "must not have several with introspection or userinfo: an opaque token does not say whose it is")
	}
}

// ReadSecrets reads the secrets that are in environment variables, by getenv. The error
// has the type [Errors] and contains no secret.
func (c *Config) ReadSecrets(getenv func(name string) (string, bool)) error {
	var errs Errors
	if n := c.DPoPNonce; n != nil {
		n.checkSecret(n.environment.read(getenv, &n.Secret, &errs))
	}
	for _, s := range c.AuthorizationServers {
		if i := s.Introspection; i != nil {
			i.checkSecret(i.environment.read(getenv, &i.Secret, &errs))
		}
		if p := s.OAuthProxy; p != nil {
			p.environment.read(getenv, &p.Secret, &errs)
			p.readSigningKeys(getenv, &errs)
		}
	}
	if len(errs) > 0 {
		return errs
	}
	return nil
}

// read stores the secret at to, if it is in an environment variable. It returns the
// value at which errors in the secret are reported.
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
