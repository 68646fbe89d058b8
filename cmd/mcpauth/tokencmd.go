package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"mcpauth/cmd/mcpauth/internal/testtoken"
	"mcpauth/config"
)

func (a *app) tokenCommand() *cobra.Command {
	t := testtoken.Token{}
	var key, alg, printed string
	var claims []string
	c := &cobra.Command{
		Use:   "token",
		Short: "Sign test tokens, to try the plugin without an authorization server",
		Long: `token signs an access token with a key of its own, and prints it. The key is in the file
of --key, which the first call makes. --print config prints a configuration of the
plugin that trusts this key; --print jwks and --print pem print the public key.

Whoever has the file can sign tokens that such a configuration accepts: it is for tests.`,
		Example: `  mcpauth token --audience http://127.0.0.1:10000/notes --print config > plugin.json
  TOKEN=$(mcpauth token --audience http://127.0.0.1:10000/notes --scope "read:notes")
  mcpauth token --audience https://mcp.example.com/notes --claim 'groups=["staff"]' --expires 5m
  mcpauth token --audience https://mcp.example.com/notes --expires -1h   # has expired`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			var err error
			if t.Claims, err = parseClaims(claims); err != nil {
				return err
			}
			return a.token(&t, key, alg, printed)
		},
	}
	f := c.Flags()
	f.StringVar(&t.Issuer, "issuer", "http://localhost/mcpauth-test", "iss: an https URL, or http on loopback")
	f.StringVar(&t.Audience, "audience", "", "aud: the URL of the resource (required)")
	f.StringVar(&t.Subject, "subject", "test-user", "sub")
	f.StringVar(&t.ClientID, "client-id", "test-client", "client_id")
	f.StringVar(&t.Scope, "scope", "", "scope, with spaces between scopes")
	f.StringArrayVar(&claims, "claim", nil, "a further claim as NAME=VALUE, where VALUE is JSON or text; NAME=null takes a claim away; may be repeated")
	f.DurationVar(&t.Lifetime, "expires", time.Hour, "time until exp")
	f.StringVar(&t.Type, "typ", "at+jwt", "typ of the header")
	f.StringVar(&alg, "alg", "RS256", "signature algorithm: "+strings.Join(testtoken.Algorithms, ", "))
	f.StringVar(&key, "key", "mcpauth-test-key.pem", "file of the private key; made if it is not there")
	f.StringVar(&printed, "print", "token", "what to print: token, jwks, pem or config")
	c.MarkFlagRequired("audience")
	c.RegisterFlagCompletionFunc("alg", cobra.FixedCompletions(testtoken.Algorithms, cobra.ShellCompDirectiveNoFileComp))
	c.RegisterFlagCompletionFunc("print", cobra.FixedCompletions(printable, cobra.ShellCompDirectiveNoFileComp))
	c.AddCommand(a.tokenShowCommand())
	return c
}

var printable = []string{"token", "jwks", "pem", "config"}

// parseClaims reads NAME=VALUE.
func parseClaims(list []string) (map[string]any, error) {
	claims := map[string]any{}
	for _, s := range list {
		name, value, ok := strings.Cut(s, "=")
		if !ok || name == "" {
			return nil, fmt.Errorf("--claim %q is not of the form NAME=VALUE", s)
		}
		var v any
		if json.Unmarshal([]byte(value), &v) != nil {
			v = value
		}
		claims[name] = v
	}
	return claims, nil
}

func (a *app) token(t *testtoken.Token, file, alg, printed string) error {
	if !slices.Contains(testtoken.Algorithms, alg) {
		return fmt.Errorf("--alg must be one of %s", strings.Join(testtoken.Algorithms, ", "))
	}
	if !slices.Contains(printable, printed) {
		return fmt.Errorf("--print must be one of %s", strings.Join(printable, ", "))
	}
	if t.Audience == "" {
		return errors.New("--audience must not be empty")
	}
	key, created, err := testtoken.LoadOrCreate(file, alg)
	if err != nil {
		return err
	}
	if created {
		fmt.Fprintf(a.err, "made a key for %s in %s\n", alg, file)
	}
	var text []byte
	switch printed {
	case "jwks":
		text, err = key.JWKS()
	case "pem":
		text, err = key.PEM()
	case "config":
		text, err = key.Config(t.Issuer, t.Audience, t.Scope)
		if err == nil {
			if _, err = config.Parse(text); err != nil {
				err = fmt.Errorf("the plugin would refuse this configuration:\n%w", err)
			}
		}
	default:
		var token string
		token, err = key.Sign(t, time.Now())
		text = []byte(token)
	}
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(a.out, "%s\n", strings.TrimSpace(string(text)))
	return err
}
