package authserver

import (
	"context"
	"sync"

	"github.com/ory/fosite"
	"github.com/ory/fosite/storage"
)

// store is the library's store in memory with clients that can be added while
// it is in use.
type store struct {
	*storage.MemoryStore
	mu      sync.RWMutex
	clients map[string]fosite.Client
}

func newStore() *store {
	return &store{MemoryStore: storage.NewMemoryStore(), clients: map[string]fosite.Client{}}
}

// addClient stores a client, which authenticates by the method alone.
func (s *store) addClient(c *fosite.DefaultClient, method string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.clients[c.ID] = &fosite.DefaultOpenIDConnectClient{DefaultClient: c, TokenEndpointAuthMethod: method}
}

// GetClient implements [fosite.ClientManager].
func (s *store) GetClient(_ context.Context, id string) (fosite.Client, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if c, ok := s.clients[id]; ok {
		return c, nil
	}
	return nil, fosite.ErrNotFound
}
