//go:build vectors

package main

import (
	"encoding/base64"
	"strings"

	"github.com/proxy-wasm/proxy-wasm-go-sdk/proxywasm"
	"github.com/proxy-wasm/proxy-wasm-go-sdk/proxywasm/types"

	"mcpauth/config"
	"mcpauth/jwtlite"
)

// This file is only in the build for test vectors whose messages are no tokens. The
// configuration is lines of words, in base64url:
//
//	keys KEYS                          the next vectors are for these keys
//	verify ALGORITHM INPUT SIGNATURE   a vector
//
// KEYS is a JWK set, or a key in PEM. The plugin logs one line with a digit for each
// vector: 1 if one of the keys verifies the signature, and 0 if not.
//
// Go initialises the files of a package in the order of their names: this init runs
// after that of main.go and replaces its context.
func init() {
	proxywasm.SetVMContext(&vectorVM{})
}

type vectorVM struct{ types.DefaultVMContext }

func (*vectorVM) NewPluginContext(uint32) types.PluginContext { return &vectorPlugin{} }

type vectorPlugin struct{ types.DefaultPluginContext }

func (*vectorPlugin) OnPluginStart(int) types.OnPluginStartStatus {
	document, err := proxywasm.GetPluginConfiguration()
	if err != nil {
		return types.OnPluginStartStatusFailed
	}
	all := &config.AuthorizationServer{Algorithms: jwtlite.Algorithms()}
	v := newVerifier(&config.Config{AuthorizationServers: []*config.AuthorizationServer{all}})
	logInfo("signatures: " + v.describe())
	var keys *jwtlite.KeySet
	verdicts := []byte("vectors: ")
	for _, line := range strings.Split(string(document), "\n") {
		words := strings.Split(line, " ")
		for i, w := range words[1:] {
			b, err := base64.RawURLEncoding.DecodeString(w)
			if err != nil {
				return types.OnPluginStartStatusFailed
			}
			words[i+1] = string(b)
		}
		switch {
		case words[0] == "keys" && len(words) == 2:
			keys = vectorKeys(words[1])
			if keys != nil {
				v.prepare(keys)
			}
		case words[0] == "verify" && len(words) == 4:
			verdicts = append(verdicts, '0')
			if vectorVerdict(v, keys, words[1], words[2], []byte(words[3])) {
				verdicts[len(verdicts)-1] = '1'
			}
		}
	}
	logInfo(string(verdicts))
	return types.OnPluginStartStatusOK
}

// vectorKeys returns the keys in a document, nil if none can be used.
func vectorKeys(document string) *jwtlite.KeySet {
	if !strings.HasPrefix(document, "-----") {
		set, _, _ := jwtlite.ParseKeySet([]byte(document))
		return set
	}
	key, err := jwtlite.ParsePublicKeyPEM([]byte(document), "", 0)
	if err != nil {
		return nil
	}
	set, _ := jwtlite.NewKeySet(key)
	return set
}

func vectorVerdict(v *verifier, keys *jwtlite.KeySet, name, input string, signature []byte) bool {
	alg, ok := jwtlite.ParseAlgorithm(name)
	if !ok || keys == nil {
		return false
	}
	for i := range keys.Len() {
		if keys.Key(i).Allows(alg) && v.Verify(keys.Key(i), alg, input, signature) == nil {
			return true
		}
	}
	return false
}
