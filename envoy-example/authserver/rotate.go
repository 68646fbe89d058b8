package authserver

import (
	"encoding/json"
	"fmt"
	"slices"
)

// The methods below rotate keys in steps, as careful servers do: publish new keys, sign
// with them once all clients have them, and withdraw the old keys once their last token
// has expired. [Server.Rotate] does it in one step.

// AddKeys publishes a new key for each algorithm, with which the server does
// not sign yet.
func (s *Server) AddKeys() error {
	r := s.keys
	r.mu.Lock()
	defer r.mu.Unlock()
	fresh, err := r.generateAll()
	if err != nil {
		return fmt.Errorf("add keys: %w", err)
	}
	r.published = append(r.published, fresh...)
	return nil
}

// SwitchKeys signs with the newest published keys from now on.
func (s *Server) SwitchKeys() {
	r := s.keys
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, k := range r.published { // oldest first
		r.current[k.algorithm] = k
	}
}

// RemoveKeys withdraws all keys that the server does not sign with.
func (s *Server) RemoveKeys() {
	r := s.keys
	r.mu.Lock()
	defer r.mu.Unlock()
	r.published = slices.DeleteFunc(r.published, func(k *signingKey) bool { return r.current[k.algorithm] != k })
}

// ReplaceKeys makes new keys under the kids of those that the server signs
// with, and signs with them, like a server that makes new keys at each start.
func (s *Server) ReplaceKeys() error {
	r := s.keys
	r.mu.Lock()
	defer r.mu.Unlock()
	fresh, err := r.generateAll()
	if err != nil {
		return fmt.Errorf("replace keys: %w", err)
	}
	for _, k := range fresh {
		old := r.current[k.algorithm]
		k.id = old.id
		r.current[k.algorithm] = k
		r.published[slices.Index(r.published, old)] = k
	}
	return nil
}

// ForeignKeySet returns an attacker's JWK set:
// the keys that tokens with [Token.ForeignKey] are signed by, under the kids of
// those that the server signs with.
func (s *Server) ForeignKeySet() ([]byte, error) {
	var set struct {
		Keys []map[string]string `json:"keys"`
	}
	for _, algorithm := range algorithms {
		k, err := s.keys.foreignKey(algorithm)
		if err != nil {
			return nil, fmt.Errorf("foreign key set: %w", err)
		}
		jwk := k.jwk()
		jwk["kid"] = s.KeyID(algorithm)
		set.Keys = append(set.Keys, jwk)
	}
	return json.Marshal(set)
}
