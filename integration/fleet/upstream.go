package main

import (
	"net"
	"net/http"
	"sync"
	"time"
)

// labelHeader tells the upstream what it gets.
const labelHeader = "X-Load"

// upstream is the server behind the fleet. It counts requests by their label.
type upstream struct {
	addr string
	http *http.Server
	mu   sync.Mutex
	seen map[string]int
}

func startUpstream() (*upstream, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	u := &upstream{addr: l.Addr().String(), seen: map[string]int{}}
	u.http = &http.Server{Handler: u, ReadHeaderTimeout: time.Minute}
	go u.http.Serve(l)
	return u, nil
}

func (u *upstream) ServeHTTP(_ http.ResponseWriter, r *http.Request) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.seen[r.Header.Get(labelHeader)]++
}

func (u *upstream) count(label string) int {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.seen[label]
}
