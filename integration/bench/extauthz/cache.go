package main

import (
	"container/list"
	"sync"
	"time"
)

// cache holds the callers of the tokens that were verified last. A nil cache holds none.
type cache struct {
	mu      sync.Mutex
	entries int
	order   *list.List // of *entry, the last used first
	byToken map[string]*list.Element
}

type entry struct {
	token  string
	caller *caller
}

func newCache(entries int) *cache {
	return &cache{entries: entries, order: list.New(), byToken: map[string]*list.Element{}}
}

// get returns the caller of a token that has not expired, nil if it is unknown.
func (c *cache) get(token string) *caller {
	if c == nil {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	e := c.byToken[token]
	if e == nil {
		return nil
	}
	found := e.Value.(*entry).caller
	if time.Now().After(found.expires) {
		c.remove(e)
		return nil
	}
	c.order.MoveToFront(e)
	return found
}

// add remembers the caller of a token, and forgets that of the one that was not used for the
// longest time if there are too many.
func (c *cache) add(token string, found *caller) {
	if c == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if e := c.byToken[token]; e != nil {
		c.remove(e)
	}
	c.byToken[token] = c.order.PushFront(&entry{token, found})
	if c.order.Len() > c.entries {
		c.remove(c.order.Back())
	}
}

func (c *cache) remove(e *list.Element) {
	c.order.Remove(e)
	delete(c.byToken, e.Value.(*entry).token)
}
